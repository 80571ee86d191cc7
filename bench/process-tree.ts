import { readFileSync, readdirSync } from 'node:fs';

export interface ProcessUse {
  /** Milliseconds of CPU time since the start, user and system. */
  readonly cpuMs: number;
  /** Resident memory in bytes. Pages that several processes share count for each. */
  readonly rssBytes: number;
}

interface Stat {
  readonly pid: number;
  readonly group: number;
  readonly ticks: number;
}

/** USER_HZ, which Linux fixes for what it shows to programs. */
const TICKS_PER_S = 100;

/** What all processes of a process group have used, workers and threads included. */
export function useOfGroup(group: number): ProcessUse {
  let ticks = 0;
  let rssBytes = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = parseStat(readFileSync(`/proc/${name}/stat`, 'utf8'));
      if (stat?.group !== group) continue;
      ticks += stat.ticks;
      rssBytes += parseRss(readFileSync(`/proc/${name}/status`, 'utf8'));
    } catch {
      // It ended while we looked.
    }
  }
  return { cpuMs: (ticks * 1000) / TICKS_PER_S, rssBytes };
}

/** Milliseconds of CPU time of one process. @returns undefined once it has ended */
export function cpuOfProcess(pid: number): number | undefined {
  try {
    const stat = parseStat(readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
    return stat === undefined ? undefined : (stat.ticks * 1000) / TICKS_PER_S;
  } catch {
    return undefined;
  }
}

/** Reads a line of /proc/PID/stat; a program's name may hold spaces and brackets. */
export function parseStat(line: string): Stat | undefined {
  const end = line.lastIndexOf(')');
  if (end < 0) return undefined;
  const fields = line.slice(end + 2).split(' ');
  const [, , group, , , , , , , , , user, system, childUser, childSystem] = fields.map(Number);
  const pid = Number.parseInt(line, 10);
  const ticks = (user ?? NaN) + (system ?? NaN) + (childUser ?? NaN) + (childSystem ?? NaN);
  if (!Number.isFinite(ticks) || group === undefined) return undefined;
  return { pid, group, ticks };
}

/** Bytes of VmRSS in /proc/PID/status; 0 for a process that has just ended. */
export function parseRss(status: string): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  return found === null ? 0 : Number(found[1]) * 1024;
}
