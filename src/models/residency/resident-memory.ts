import { readFile } from 'node:fs/promises';

const BYTES_PER_KB = 1024;

/**
 * Bytes of memory that only the end of processes gives back: pages that several share counted in parts
 * (PSS), without those of files, such as TensorFlow's library, which are there once for all of them and
 * which the kernel can drop. Of a process that has ended: 0. Where Linux does not tell it, the resident
 * set.
 */
export async function memoryOfProcesses(processes: readonly number[]): Promise<number> {
  const each = await Promise.all(processes.map(memoryOfProcess));
  return each.reduce((sum, bytes) => sum + bytes, 0);
}

async function memoryOfProcess(process: number): Promise<number> {
  const shares = await sumOf(`/proc/${process}/smaps_rollup`, ['Pss_Anon', 'Pss_Shmem']);
  return shares ?? (await sumOf(`/proc/${process}/status`, ['VmRSS'])) ?? 0;
}

/** Undefined where a field is missing. */
async function sumOf(file: string, fields: readonly string[]): Promise<number | undefined> {
  const text = await readFile(file, 'latin1').catch(() => '');
  const values = fields.map((name) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? NaN),
  );
  const sum = values.reduce((total, kilobytes) => total + kilobytes, 0);
  return Number.isNaN(sum) ? undefined : sum * BYTES_PER_KB;
}
