import { ServingError } from '../kernel/errors';
import { RunFailedError } from '../kernel/run-failed-error';

/**
 * What a signature leaves open, only the model can check, when it runs: whether a tf.Example has its
 * features, whether sizes of any length fit each other. For tensors that a client made, a run refused
 * for its arguments becomes INVALID_INPUT. Other errors stay what they are.
 */
export function refusedInput(thrown: unknown): unknown {
  if (!(thrown instanceof ServingError)) return thrown;
  const { cause } = thrown;
  if (!(cause instanceof RunFailedError) || !cause.inputRefused) return thrown;
  // First what TensorFlow Serving answers, as clients of it may look for that.
  return new ServingError('INVALID_INPUT', `${cause.reason} (the model refused the input)`, {
    cause,
  });
}
