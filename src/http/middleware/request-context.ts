import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { pinoHttp } from 'pino-http';

import type { Logger } from '../../telemetry/logger';
import type { Metrics } from '../../telemetry/metrics';

/** An id from outside is kept when it is one that can be logged and sent back as it is. */
const ACCEPTED_ID = /^[\w.:/+=-]{1,128}$/;

/** Gives every request an id, a log line at its end, and its place in the metrics. */
export function requestContext(logger: Logger, metrics: Metrics): RequestHandler[] {
  const log = pinoHttp({
    logger,
    genReqId: (request, response) => {
      const given = request.headers['x-request-id'];
      const id = typeof given === 'string' && ACCEPTED_ID.test(given) ? given : randomUUID();
      response.setHeader('X-Request-Id', id);
      return id;
    },
    // The error itself is logged where it is answered; pino-http would make one up for every 5xx.
    customErrorObject: (_request, _response, _error, line: Record<string, unknown>) => ({
      ...line,
      err: undefined,
    }),
    customLogLevel: (request, response, error) =>
      error !== undefined || response.statusCode === 500
        ? 'error'
        : // Refusals come by the thousand when there is too much to do, and the metrics count them.
          response.statusCode >= 400 && response.statusCode !== 429 && !isProbe(request)
          ? 'info'
          : 'debug',
    serializers: {
      req: (request: { id: string; method: string; url: string }) => ({
        id: request.id,
        method: request.method,
        url: request.url,
      }),
      res: (response: { statusCode: number }) => ({ status: response.statusCode }),
    },
  });
  const measure = (request: Request, response: Response, next: NextFunction): void => {
    const started = performance.now();
    response.once('close', () => {
      metrics.request(
        {
          method: request.method,
          route: routeOf(request),
          // What nobody received any more is counted as such.
          status: response.writableFinished ? response.statusCode : 499,
        },
        (performance.now() - started) / 1000,
      );
    });
    next();
  };
  return [log, measure];
}

/** Asked every few seconds; that something is not ready yet is said by the lines of its model. */
function isProbe({ url = '' }: IncomingMessage): boolean {
  return /^\/v2\/(health\/\w+|models\/[^?]*\/ready)\/?(\?|$)/i.test(url);
}

/** Id of a request, for its answer. */
export function requestIdOf(request: IncomingMessage): string {
  return typeof request.id === 'string' ? request.id : '';
}

/** Aborted when the client closes the connection before the answer is complete. */
export function clientSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** The pattern, not the path: the number of label values stays small whatever is asked for. */
function routeOf(request: Request): string {
  const route = request.route as { path?: unknown } | undefined;
  return typeof route?.path === 'string' ? route.path : 'unmatched';
}
