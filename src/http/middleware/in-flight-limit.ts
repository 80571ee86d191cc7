import type { RequestHandler } from 'express';

import { ServingError } from '../../kernel/errors';

/**
 * Bounds the requests in the server, bodies still being read included, so that memory is bounded
 * before any model's queue is reached.
 */
export function inFlightLimit(limit: number): RequestHandler {
  let inFlight = 0;
  return (_request, response, next) => {
    if (inFlight >= limit) {
      next(
        new ServingError('OVERLOADED', `The server is busy with ${limit} requests already`, {
          retryAfterS: 1,
        }),
      );
      return;
    }
    inFlight += 1;
    response.once('close', () => {
      inFlight -= 1;
    });
    next();
  };
}
