import { createHash, timingSafeEqual } from 'node:crypto';

import type { Request, RequestHandler } from 'express';

import { ServingError } from '../../kernel/errors';
import { isLoopback } from '../loopback';

/** Who may use the model repository API. */
export interface AdminAccess {
  /** Address that the server listens on. */
  readonly host: string;
  /** What has to be shown; undefined: nothing, which only the machine itself may do. */
  readonly token: string | undefined;
}

/** What a server is that nobody said anything about. */
export const LOCAL_ACCESS: AdminAccess = { host: '127.0.0.1', token: undefined };

/**
 * Keeps the model repository API from those who were not meant to have it: other machines without a
 * token, and web pages that a browser on this machine shows, be they foreign or, by a name that was
 * made to lead here, seemingly our own.
 */
export function adminGuard({ host, token }: AdminAccess): RequestHandler {
  const wanted = token === undefined ? undefined : digest(token);
  return (request, response, next) => {
    requireOwnOrigin(request);
    if (wanted === undefined) {
      requireLocal(host, request);
    } else {
      const given = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
      if (given === undefined || !timingSafeEqual(digest(given), wanted)) {
        response.set('WWW-Authenticate', 'Bearer realm="model repository"');
        throw new ServingError(
          'UNAUTHENTICATED',
          'The model repository API wants the token of this server: Authorization: Bearer <adminToken>',
        );
      }
    }
    next();
  };
}

/** A browser names the page that a request comes from. @throws ServingError FORBIDDEN */
function requireOwnOrigin({ headers }: Request): void {
  const { origin } = headers;
  if (origin === undefined) return;
  const page = urlOf(origin);
  const here = urlOf(`${page?.protocol ?? ''}//${headers.host ?? ''}`);
  if (page !== undefined && page.host !== '' && page.host === here?.host) return;
  throw new ServingError('FORBIDDEN', `Pages of another origin may not use this: ${origin}`);
}

/** @throws ServingError FORBIDDEN */
function requireLocal(listening: string, { headers }: Request): void {
  if (!isLoopback(listening)) {
    throw new ServingError(
      'FORBIDDEN',
      `The server listens on ${listening}, where others reach it: the model repository API needs the option adminToken (TFJS_SERVING_ADMIN_TOKEN)`,
    );
  }
  const name = urlOf(`http://${headers.host ?? ''}`)?.hostname ?? '';
  if (isLoopback(name)) return;
  throw new ServingError(
    'FORBIDDEN',
    `Without adminToken the model repository API answers to localhost alone, not to ${JSON.stringify(headers.host ?? '')}`,
  );
}

/** URL.parse, which Node 20 had late. */
function urlOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** Of one length, as the comparison in constant time wants it. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
