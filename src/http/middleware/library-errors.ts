import { messageOf, ServingError, toServingError } from '../../kernel/errors';

/** Errors of Express and its body parsers, in the words of our own list. */
export function fromLibrary(thrown: unknown): ServingError {
  if (thrown instanceof ServingError) return thrown;
  if (typeof thrown !== 'object' || thrown === null) return toServingError(thrown);
  const { type, status } = thrown as { type?: unknown; status?: unknown };
  const message = messageOf(thrown);
  switch (type) {
    case 'entity.too.large':
      return new ServingError('PAYLOAD_TOO_LARGE', 'The request body is over the limit');
    case 'entity.parse.failed':
      return new ServingError('BAD_REQUEST', `The body is not JSON: ${message}`);
    case 'request.aborted':
      return new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request');
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new ServingError('UNSUPPORTED_MEDIA_TYPE', message);
    default:
  }
  if (/Request (aborted|closed)/i.test(message)) {
    return new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request');
  }
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new ServingError('BAD_REQUEST', message);
  }
  return toServingError(thrown);
}
