import { ServingError } from '../kernel/errors';
import { RunFailedError } from '../kernel/run-failed-error';
import { RunLostError, type InstanceEnd } from '../kernel/run-lost-error';

/** What a request remembers of the runs it was in. */
export interface Retriable {
  /** Instances that ended while they ran it. */
  losses: number;
}

/** A request that has cost so many instances is tried no more: it may itself be the cause. */
const MAX_LOSSES = 2;

/** What becomes of the requests of a run that failed. */
export interface Verdict<T> {
  /** Batches to run again. */
  readonly again: readonly (readonly T[])[];
  /** The batches are run apart from fresh requests, which might suffer with them. */
  readonly apart: boolean;
  /** Those that are answered, with an error. */
  readonly failed: readonly { readonly request: T; readonly error: ServingError }[];
}

/** Each alone and as it is. */
export function oneByOne<T>(requests: readonly T[]): Verdict<T> {
  return { again: requests.map((request) => [request]), apart: true, failed: [] };
}

/**
 * Finds the request at fault in as few runs as can be, and spares the others: a batch that TensorFlow
 * refused, or that memory did not suffice for, is cut in halves; one that an instance was lost with is
 * run one by one. What only waited behind a run is not to blame and runs again as it is.
 * Counts losses.
 */
export function verdictOn<T extends Retriable>(
  requests: readonly T[],
  thrown: unknown,
): Verdict<T> {
  if (thrown instanceof RunLostError) return verdictOnLoss(requests, thrown);
  if (thrown instanceof RunFailedError && requests.length > 1) return inHalves(requests);
  return allFailed(requests, errorOfRun(thrown));
}

/** Whether memory did not suffice, so that fewer rows might do. */
export function lacksMemory(thrown: unknown): boolean {
  if (thrown instanceof RunLostError) return thrown.running && thrown.end.cause === 'memory';
  return thrown instanceof RunFailedError && thrown.outOfMemory;
}

function verdictOnLoss<T extends Retriable>(
  requests: readonly T[],
  { end, running }: RunLostError,
): Verdict<T> {
  if (end.cause === 'closed') {
    return allFailed(requests, new ServingError('DRAINING', 'The server is shutting down'));
  }
  if (!running) return { again: [requests], apart: false, failed: [] };
  if (end.cause === 'memory') {
    return requests.length > 1
      ? inHalves(requests)
      : allFailed(requests, outOfMemory(end.reason, end));
  }
  for (const request of requests) request.losses += 1;
  const isLost = ({ losses }: T): boolean => losses >= MAX_LOSSES;
  const error = crashed(end);
  return {
    again: requests.filter((request) => !isLost(request)).map((request) => [request]),
    apart: true,
    failed: requests.filter(isLost).map((request) => ({ request, error })),
  };
}

function inHalves<T>(requests: readonly T[]): Verdict<T> {
  const half = Math.ceil(requests.length / 2);
  return { again: [requests.slice(0, half), requests.slice(half)], apart: true, failed: [] };
}

function allFailed<T>(requests: readonly T[], error: ServingError): Verdict<T> {
  return { again: [], apart: true, failed: requests.map((request) => ({ request, error })) };
}

function crashed(end: InstanceEnd): ServingError {
  const what =
    end.cause === 'timeout'
      ? 'The model did not answer this request in time, twice'
      : 'The model crashed on this request, twice';
  return new ServingError('MODEL_CRASHED', `${what}; it is not tried again`, { cause: end.reason });
}

function outOfMemory(reason: string, cause: unknown): ServingError {
  return new ServingError(
    'MODEL_OUT_OF_MEMORY',
    `The model needs more memory for this input than an instance may take: ${reason}. Send a smaller input, or raise maxInstanceMemory`,
    { cause },
  );
}

/** What the caller of a request that failed for good is told. */
function errorOfRun(thrown: unknown): ServingError {
  if (thrown instanceof ServingError) return thrown;
  if (!(thrown instanceof RunFailedError)) {
    return new ServingError('INTERNAL', 'The server failed to run the model', { cause: thrown });
  }
  if (thrown.outOfMemory) {
    // A card is shared with others, who may leave; the limit of an instance stays.
    return thrown.device === 'cpu'
      ? outOfMemory(thrown.reason, thrown)
      : new ServingError('OUT_OF_MEMORY', 'The device has too little memory for this input', {
          cause: thrown,
          retryAfterS: 1,
        });
  }
  return new ServingError('INFERENCE_FAILED', `The model failed on this input: ${thrown.reason}`, {
    cause: thrown,
  });
}
