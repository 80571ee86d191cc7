import type { ErrorRequestHandler, Response } from 'express';
import { MulterError } from 'multer';

import { ERROR_CODES, messageOf, ServingError, toServingError, type ErrorCode } from '../../errors';
import type { Logger } from '../../telemetry/logger';
import { requestIdOf } from './request-context';

/** RFC 9457. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly retriable: boolean;
  readonly requestId?: string;
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

export function problemDetails(error: ServingError, requestId?: string): ProblemDetails {
  const { status, title, retriable } = ERROR_CODES[error.code];
  return {
    type: `urn:tfjs-serving:error:${error.code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    retriable,
    ...(requestId === undefined ? {} : { requestId }),
  };
}

/** Turns whatever a handler threw into an answer; causes go to the log, never to the client. */
export function problemHandler(logger: Logger): ErrorRequestHandler {
  return (thrown: unknown, request, response, next) => {
    const error = fromLibrary(thrown);
    const requestId = requestIdOf(request);
    if (error.status === 500) {
      logger.error({ requestId, code: error.code, err: error.cause ?? error }, error.message);
    }
    if (response.headersSent || response.destroyed) {
      next(thrown);
      return;
    }
    // The rest of a body that was refused half-way would be taken for the next request.
    if (!request.complete) response.set('Connection', 'close');
    sendProblem(response, error, requestId);
  };
}

function sendProblem(response: Response, error: ServingError, requestId: string): void {
  if (error.retryAfterS !== undefined) response.set('Retry-After', String(error.retryAfterS));
  if (error.code === 'METHOD_NOT_ALLOWED' && error.allowed !== undefined) {
    response.set('Allow', error.allowed.join(', '));
  }
  if (error.code === 'UNSUPPORTED_MEDIA_TYPE' && error.allowed !== undefined) {
    response.set('Accept', error.allowed.join(', '));
  }
  response
    .status(error.status)
    .type(PROBLEM_MEDIA_TYPE)
    .send(JSON.stringify(problemDetails(error, requestId)));
}

/** Errors of Express, its body parsers, multer and busboy, in the words of our own list. */
function fromLibrary(thrown: unknown): ServingError {
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
