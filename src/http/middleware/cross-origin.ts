import cors from 'cors';
import type { RequestHandler } from 'express';

import { HEADER_NAMES } from '../openapi/headers';

/** Seconds that a browser may keep what a preflight was answered. */
const MAX_AGE_S = 600;

/**
 * Lets web pages of other origins read answers.
 * @param origins such as `https://app.example.org`, or `*` for all; none: nothing is said
 */
export function crossOrigin(origins: readonly string[]): RequestHandler {
  if (origins.length === 0) {
    return (_request, _response, next) => {
      next();
    };
  }
  const allow = cors({
    origin: origins.includes('*') ? '*' : origins.map(originOf),
    methods: ['GET', 'HEAD', 'POST', 'PUT'],
    // Every header that an answer may have: the documents list them.
    exposedHeaders: [...HEADER_NAMES],
    maxAge: MAX_AGE_S,
  });
  return (request, response, next) => {
    // Any other OPTIONS is answered as every method is that an address does not have.
    const isPreflight = request.headers['access-control-request-method'] !== undefined;
    if (request.method === 'OPTIONS' && !isPreflight) next();
    else allow(request, response, next);
  };
}

/** As browsers write it: in lower case, without the port that goes without saying. */
function originOf(text: string): string {
  return new URL(text).origin;
}
