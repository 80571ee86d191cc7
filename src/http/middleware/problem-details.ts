import type { ErrorRequestHandler } from 'express';

import { ERROR_CODES, type ServingError } from '../../kernel/errors';
import type { Logger } from '../../telemetry/logger';
import type { ProblemDetails } from '../schemas/problem';
import { errorHandler } from './error-handler';

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

/** Answers what a handler threw with problem details. */
export function problemHandler(logger: Logger): ErrorRequestHandler {
  return errorHandler(logger, (error, requestId) => ({
    mediaType: PROBLEM_MEDIA_TYPE,
    body: problemDetails(error, requestId),
  }));
}
