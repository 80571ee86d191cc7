import { ServingError } from '../kernel/errors';
import { RunFailedError } from '../kernel/run-failed-error';

/** What a request remembers of the runs it was in. */
export interface Retriable {
  /** Workers lost under it so far. */
  losses: number;
}

/** A request survives the loss of one worker; the second time it may itself be the cause. */
const MAX_LOSSES = 1;

/** Those that are run again, and the parts in which they are, so that the one at fault is found. */
export interface Retry<T> {
  readonly again: readonly T[];
  /** At most two; no part is empty. */
  readonly halves: readonly (readonly T[])[];
}

/**
 * What becomes of the requests of a failed run. Counts the loss of a worker.
 * A batch that TensorFlow refused is cut in halves; one request alone is at fault itself.
 */
export function retryOf<T extends Retriable>(requests: readonly T[], thrown: unknown): Retry<T> {
  const again = requestsToRetry(requests, thrown);
  const half = Math.ceil(again.length / 2);
  const halves = [again.slice(0, half), again.slice(half)].filter((part) => part.length > 0);
  return { again, halves };
}

function requestsToRetry<T extends Retriable>(
  requests: readonly T[],
  thrown: unknown,
): readonly T[] {
  if (thrown instanceof ServingError && thrown.code === 'WORKER_LOST') {
    for (const request of requests) request.losses += 1;
    return requests.filter(({ losses }) => losses <= MAX_LOSSES);
  }
  return requests.length > 1 && thrown instanceof RunFailedError ? requests : [];
}

/** What the caller of a request that failed for good is told. */
export function errorOfRun(thrown: unknown): ServingError {
  if (thrown instanceof ServingError) return thrown;
  if (!(thrown instanceof RunFailedError)) {
    return new ServingError('INTERNAL', 'The server failed to run the model', { cause: thrown });
  }
  if (thrown.outOfMemory) {
    return new ServingError('OUT_OF_MEMORY', 'The device has too little memory for this input', {
      cause: thrown,
      retryAfterS: 1,
    });
  }
  return new ServingError('INFERENCE_FAILED', `The model failed on this input: ${thrown.reason}`, {
    cause: thrown,
  });
}
