import { readFileSync } from 'node:fs';

/** Flags of /proc/cpuinfo, and what they are called. */
const INSTRUCTIONS: Readonly<Record<string, string>> = {
  avx512_vnni: 'AVX-512 VNNI',
  avx_vnni: 'AVX-VNNI',
  amx_int8: 'AMX-INT8',
};

/**
 * Instructions of this processor that add products of 8 bits, which models in int8 need to be fast.
 * @param cpuinfo as Linux tells it
 * @returns none where there are none, and on systems that do not say
 */
export function int8Instructions(cpuinfo: string = readCpuInfo()): readonly string[] {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/) ?? []);
  return Object.entries(INSTRUCTIONS).flatMap(([flag, name]) => (flags.has(flag) ? [name] : []));
}

function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}
