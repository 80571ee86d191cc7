import { readdirSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { getPriority, setPriority } from 'node:os';

/**
 * Steps of niceness that are added to the process's own. Under load there is more work than cores;
 * what reads requests and writes answers takes little time and must not wait behind what takes much.
 * Decoding comes before TensorFlow, because images that are ready make fuller batches.
 */
const ADDED = { decoding: 5, inference: 10 };

const HIGHEST = 19;

/** How Linux shows the threads of a process; each has a priority of its own. */
const THREADS = '/proc/self/task';

/**
 * Starts the pool of threads that decodes images, and lowers the priority of every thread that the
 * process has, but for the main one: of the pool, with what it will start, and of V8's own. With V8's
 * as they were p99 of liveness at 16 and 64 connections was 15 to 21 ms instead of 11 to 15. To be
 * called on the main thread before any thread starts.
 */
export async function lowerDecodingPriority(): Promise<void> {
  // The pool starts with the first thing that it is given to do.
  await access('/').catch(() => undefined);
  for (const thread of threads()) {
    // On Linux the id of the main thread is that of the process.
    if (thread !== process.pid) lower(thread, ADDED.decoding);
  }
}

/** Lowers the priority of the calling thread and of all that it will start. */
export function lowerInferencePriority(): void {
  lower(0, ADDED.inference);
}

/** Lowers the priority of a process that works on the side, such as on a model that is not served yet. */
export function lowerProcessPriority(pid: number): void {
  lower(pid, ADDED.inference);
}

function threads(): number[] {
  try {
    return readdirSync(THREADS).map(Number);
  } catch {
    return [];
  }
}

/** @param id of a thread or a process, 0 for the calling thread */
function lower(id: number, niceness: number): void {
  try {
    setPriority(id, Math.min(HIGHEST, getPriority(id) + niceness));
  } catch {
    // A sandbox may forbid it, and a thread may have ended: everything works without.
  }
}
