import type { ServingClientError } from './client-error';

export interface RetryPolicy {
  /** Attempts after the first. */
  readonly retries: number;
  /** Milliseconds that the first pause takes at most; each next one may take twice as long. */
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
}

/** Where the server asks for it with a status, or did not get to answer. */
const RETRIED_STATUSES: readonly (number | undefined)[] = [429, 503];

/**
 * Milliseconds to wait before the next attempt; undefined when there should be none. The pause is
 * random, so that clients that were refused together do not come back together, and never shorter
 * than the server asked for.
 * @param failed attempts that have failed, from 1
 * @param remainingMs until the time-out of the call
 * @param random from 0 to 1
 */
export function retryDelayMs(
  error: ServingClientError,
  failed: number,
  remainingMs: number,
  policy: RetryPolicy,
  random: number,
): number | undefined {
  if (failed > policy.retries) return undefined;
  if (error.code !== 'CONNECTION_FAILED' && !RETRIED_STATUSES.includes(error.status)) {
    return undefined;
  }
  const longest = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (failed - 1));
  const delay = (error.retryAfterMs ?? 0) + longest * (0.5 + random / 2);
  // An error now is worth more than a time-out later.
  return delay < remainingMs ? delay : undefined;
}
