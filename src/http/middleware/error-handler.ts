import type { ErrorRequestHandler, Request, Response } from 'express';

import type { ServingError } from '../../kernel/errors';
import type { Logger } from '../../telemetry/logger';
import { fromLibrary } from './library-errors';
import { requestIdOf } from './request-context';
import { slowDown } from './slow-down';

/** Bytes of a body that are read to the end although it was refused. */
const SHORT_BODY = 1024 * 1024;

/** Milliseconds in which the rest of a refused body is read and dropped. */
const REST_MS = 1000;

/** How one family of addresses writes its errors. */
export type ErrorForm = (
  error: ServingError,
  requestId: string,
) => { readonly mediaType: string; readonly body: object };

/** Turns whatever a handler threw into an answer; causes go to the log, never to the client. */
export function errorHandler(logger: Logger, form: ErrorForm): ErrorRequestHandler {
  return (thrown: unknown, request, response, _next) => {
    const error = fromLibrary(thrown);
    const requestId = requestIdOf(request);
    if (error.status === 500) {
      logger.error({ requestId, code: error.code, err: error.cause ?? error }, error.message);
    }
    if (response.headersSent || response.destroyed) {
      // Nobody is there, or half an answer is out: it ends here. Express's own handler would also
      // write the error to the console.
      response.destroy();
      return;
    }
    const { mediaType, body } = form(error, requestId);
    const text = Buffer.from(JSON.stringify(body));
    const head = (): void => {
      if (error.status === 429) slowDown(request, response);
      setErrorHeaders(response, error);
      response.status(error.status).type(mediaType);
    };
    if (request.complete || request.readableEnded) {
      head();
      response.send(text);
    } else if (isShort(request) && error.code !== 'REQUEST_TIMEOUT') {
      // Reading the rest of it costs less than a new connection, if it comes.
      restOf(request, (came) => {
        if (response.destroyed) return;
        if (!came) response.set('Connection', 'close');
        head();
        response.send(text);
      });
    } else {
      // The rest of a body that was refused half-way would be taken for the next request. Closed at once,
      // the connection would be reset before the client has read why.
      head();
      response.set({ Connection: 'close', 'Content-Length': String(text.length) });
      if (request.method !== 'HEAD') response.write(text);
      restOf(request, () => {
        response.end();
      });
    }
  };
}

/** Reads and drops what is left of a body, for a while. @param done told whether it ended */
function restOf(request: Request, done: (came: boolean) => void): void {
  let over = false;
  const finish = (came: boolean) => (): void => {
    if (over) return;
    over = true;
    clearTimeout(late);
    done(came);
  };
  const late = setTimeout(finish(false), REST_MS);
  request.once('end', finish(true)).once('close', finish(false)).resume();
}

/** `{"error": "…"}`, as TensorFlow Serving and the Open Inference Protocol have it. */
export function plainErrorHandler(
  logger: Logger,
  message: (error: ServingError) => string = (error) => error.message,
): ErrorRequestHandler {
  return errorHandler(logger, (error) => ({
    mediaType: 'application/json',
    body: { error: message(error) },
  }));
}

/** One without a length and without chunks has no body. */
function isShort({ headers }: Request): boolean {
  if (headers['transfer-encoding'] !== undefined) return false;
  return Number(headers['content-length'] ?? 0) <= SHORT_BODY;
}

function setErrorHeaders(response: Response, error: ServingError): void {
  // The bodies of the protocols have no place for it.
  response.set('X-Error-Code', error.code);
  if (error.retryAfterS !== undefined) response.set('Retry-After', String(error.retryAfterS));
  if (error.code === 'METHOD_NOT_ALLOWED' && error.allowed !== undefined) {
    response.set('Allow', error.allowed.join(', '));
  }
  if (error.code === 'UNSUPPORTED_MEDIA_TYPE' && error.allowed !== undefined) {
    response.set('Accept', error.allowed.join(', '));
  }
}
