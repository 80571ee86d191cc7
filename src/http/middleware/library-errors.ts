import { MulterError } from 'multer';

import { messageOf, ServingError, toServingError } from '../../kernel/errors';

/** Errors of Express, its body parsers, multer and busboy, in the words of our own list. */
export function fromLibrary(thrown: unknown): ServingError {
  if (thrown instanceof ServingError) return thrown;
  if (thrown instanceof MulterError) return fromMulter(thrown);
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
  if (
    /Unexpected end of form|Malformed (part|content)|Boundary not found|Multipart:/i.test(message)
  ) {
    return new ServingError('BAD_REQUEST', `The multipart form is malformed: ${message}`);
  }
  if (/Request (aborted|closed)/i.test(message)) {
    return new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request');
  }
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new ServingError('BAD_REQUEST', message);
  }
  return toServingError(thrown);
}

function fromMulter(error: MulterError): ServingError {
  switch (error.code) {
    case 'LIMIT_FILE_SIZE':
      return new ServingError('PAYLOAD_TOO_LARGE', 'A file is over the size limit');
    case 'LIMIT_FILE_COUNT':
    case 'LIMIT_PART_COUNT':
      return new ServingError('TOO_MANY_IMAGES', 'The form holds too many files');
    case 'LIMIT_UNEXPECTED_FILE':
      return new ServingError(
        'BAD_REQUEST',
        `Unexpected file field "${error.field ?? ''}": images go into the field "image"`,
      );
    case 'LIMIT_FIELD_KEY':
    case 'LIMIT_FIELD_VALUE':
    case 'LIMIT_FIELD_COUNT':
    case 'MISSING_FIELD_NAME':
      return new ServingError('BAD_REQUEST', `The multipart form was refused: ${error.message}`);
  }
}
