import { ServingError } from '../errors';

/** `Name: <unknown>, Feature: x (data type: float) is required …`, of a tf.Example. */
const OF_A_FEATURE = /Name: [^,]*, ((?:Feature|Key): .*)/s;
/** What follows are the bytes that are none. */
const NO_EXAMPLE = 'Could not parse example input';

/**
 * Whether a tf.Example fits the signature is found by the model alone, when it runs. The request is
 * at fault then: a failed run becomes INVALID_INPUT. Other errors stay what they are.
 */
export function refusedExample(thrown: unknown): unknown {
  if (!(thrown instanceof ServingError) || thrown.code !== 'INFERENCE_FAILED') return thrown;
  const { message } = thrown;
  const reason = message.includes(NO_EXAMPLE)
    ? 'the bytes are no tensorflow.Example'
    : OF_A_FEATURE.exec(message)?.[1];
  if (reason === undefined) return thrown;
  return new ServingError('INVALID_INPUT', `Could not parse example: ${reason}`, { cause: thrown });
}
