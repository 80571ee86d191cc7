import { ServingClientError } from './client-error';
import { requestIdOf, type ServerAnswer } from './server-answer';
import type { Call, CallOptions, Transport } from './transport';

/**
 * Sends a call and reads its answer.
 * @throws ServingClientError, INVALID_RESPONSE when the answer cannot be read, or the reason of an
 *   aborted signal
 */
export async function runCall<T>(
  transport: Transport,
  call: Call,
  options: CallOptions,
  read: (answer: ServerAnswer) => T,
): Promise<T> {
  const answer = await transport.send(call, options);
  try {
    return read(answer);
  } catch (cause) {
    if (cause instanceof ServingClientError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServingClientError(`The answer cannot be read: ${reason}`, {
      code: 'INVALID_RESPONSE',
      status: answer.status,
      requestId: requestIdOf(answer),
      cause,
    });
  }
}
