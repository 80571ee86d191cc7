import type { RequestHandler } from 'express';

import type { Tracing } from '../../telemetry/tracing/tracing';
import { requestIdOf, routeOf, traceOf, traceAs, UNMATCHED } from './request-context';

/** Gives every request a span, and what is done for it a place below. Behind `requestContext`. */
export function requestSpans(tracing: Tracing): RequestHandler {
  return (request, response, next) => {
    const { tracestate } = request.headers;
    const span = tracing.begin({
      id: requestIdOf(request),
      method: request.method,
      scheme: request.protocol,
      path: request.path,
      traceparent: traceOf(request)?.parent,
      tracestate: typeof tracestate === 'string' ? tracestate : undefined,
    });
    traceAs(request, span.traceId);
    response.once('close', () => {
      const route = routeOf(request);
      const code = response.getHeader('X-Error-Code');
      span.end({
        route: route === UNMATCHED ? undefined : route,
        ...(response.writableFinished
          ? { status: response.statusCode, code: typeof code === 'string' ? code : undefined }
          : { status: 499, code: 'CLIENT_CLOSED_REQUEST' }),
      });
    });
    span.run(next);
  };
}
