import { collectGarbageLessOften } from './garbage-collection';
import { lowerDecodingPriority } from './thread-priority';

/** Threads that libuv starts when it is told nothing. */
const USUAL_THREADS = 4;

/**
 * Settings of the process as a whole; to be called first of all, before sharp is loaded, which starts
 * libuv's pool of threads, and before any instance starts.
 */
export async function prepareProcess({
  imagingConcurrency,
}: {
  /** Images decoded at the same time, each of which takes a thread of libuv's pool. */
  readonly imagingConcurrency: number;
}): Promise<void> {
  collectGarbageLessOften();
  // Read when the pool starts, which is with the first thing that it is given to do.
  process.env.UV_THREADPOOL_SIZE ??= String(Math.max(USUAL_THREADS, imagingConcurrency));
  await lowerDecodingPriority();
}
