import { setTimeout as pause } from 'node:timers/promises';

const FIRST_MS = 50;
const LONGEST_MS = 5000;

/**
 * Waits before an attempt: twice as long each time, a random part of it, so that many who were
 * refused together do not come back together.
 * @param attempt from 0
 * @param atLeastMs what the other side asked for
 */
export async function backOff(
  attempt: number,
  atLeastMs: number,
  signal: AbortSignal,
): Promise<void> {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
  await pause(atLeastMs + longest * (0.5 + Math.random() / 2), undefined, { signal });
}
