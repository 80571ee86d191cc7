import { readFileSync, writeFileSync } from 'node:fs';

const BYTES_PER_KB = 1024;

/** Memory of a process as Linux counts it, in bytes. */
export interface ProcessMemory {
  /** In memory now. */
  readonly resident: number;
  /** The most that was in memory since the process began, or since `resetPeak`. */
  readonly peak: number;
  /** What RLIMIT_DATA is compared with. */
  readonly data: number;
}

/** @param process its id @returns undefined when it has ended, or where there is no /proc */
export function processMemory(process: number | 'self'): ProcessMemory | undefined {
  try {
    const text = readFileSync(`/proc/${process}/status`, 'latin1');
    const field = (name: string): number => {
      const at = text.indexOf(`\n${name}:`);
      return at < 0 ? 0 : Number.parseInt(text.slice(at + name.length + 2), 10) * BYTES_PER_KB;
    };
    return { resident: field('VmRSS'), peak: field('VmHWM'), data: field('VmData') };
  } catch {
    return undefined;
  }
}

/** Begins to measure the peak of this process anew. */
export function resetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Not everywhere allowed: the peak is then that since the process began.
  }
}

/** What the kernel takes first when memory runs out: -1000 to 1000, the larger the sooner. */
export function setOutOfMemoryScore(score: number): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', String(score));
  } catch {
    // A sandbox may forbid it: everything works without.
  }
}
