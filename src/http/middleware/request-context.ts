import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { pinoHttp } from 'pino-http';

import type { Logger } from '../../telemetry/logger';
import type { Metrics } from '../../telemetry/metrics';
import { keyOf } from '../access/key-guard';

/** Trace Context of W3C: version, trace, parent, flags; later versions may have more. */
const TRACE_PARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[\w-]{1,128})?$/;
const VERSION_0_LENGTH = 55;

/** The route of what is at no address. */
export const UNMATCHED = 'unmatched';

/** Traces that this server has begun, or goes on with. */
const TRACE_IDS = new WeakMap<IncomingMessage, string>();

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
      const trace = traceOf(request);
      if (trace !== undefined) response.setHeader('traceparent', trace.parent);
      return id;
    },
    // The error itself is logged where it is answered; pino-http would make one up for every 5xx.
    customErrorObject: (request, _response, _error, line: Record<string, unknown>) => ({
      ...line,
      ...whoAsked(request),
      err: undefined,
    }),
    customSuccessObject: (request, _response, line: Record<string, unknown>) => ({
      ...line,
      ...whoAsked(request),
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
          key: keyOf(request)?.name,
        },
        (performance.now() - started) / 1000,
      );
    });
    next();
  };
  return [log, measure];
}

/** Who asked, and as part of what, for the line at the end of a request. */
function whoAsked(request: IncomingMessage): { readonly key?: string; readonly traceId?: string } {
  const key = keyOf(request);
  const traceId = TRACE_IDS.get(request) ?? traceOf(request)?.id;
  return {
    ...(key === undefined ? {} : { key: key.name }),
    ...(traceId === undefined ? {} : { traceId }),
  };
}

/** Says which trace a request is part of, for its line in the log. */
export function traceAs(request: IncomingMessage, traceId: string): void {
  TRACE_IDS.set(request, traceId);
}

/** The trace that a request says it is part of; undefined when it says none that can be passed on as it is. */
export function traceOf({
  headers,
}: IncomingMessage): { readonly id: string; readonly parent: string } | undefined {
  const { traceparent: parent } = headers;
  if (typeof parent !== 'string') return undefined;
  const id = TRACE_PARENT.exec(parent)?.[1];
  if (id === undefined || (parent.startsWith('00-') && parent.length > VERSION_0_LENGTH)) {
    return undefined;
  }
  return { id, parent };
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
export function routeOf(request: Request): string {
  const route = request.route as { path?: unknown } | undefined;
  return typeof route?.path === 'string' ? route.path : UNMATCHED;
}
