import { timingSafeEqual } from 'node:crypto';

import type { Request, RequestHandler } from 'express';

import { ServingError } from '../../kernel/errors';
import type { ApiKeys } from '../access/api-keys';
import { credentialOf, digest } from '../access/credentials';
import { enterWith } from '../access/key-guard';
import { isLoopback } from '../loopback';

/** Who may use the model repository API. */
export interface AdminAccess {
  /** Address that the server listens on. */
  readonly host: string;
  /** What has to be shown. Without it and without keys: nothing, which only the machine itself may do. */
  readonly token: string | undefined;
  /** API keys; one with the scope `admin` is as good as the token. */
  readonly keys?: ApiKeys | undefined;
}

/** What a server is that nobody said anything about. */
export const LOCAL_ACCESS: AdminAccess = { host: '127.0.0.1', token: undefined };

/**
 * Keeps the model repository API from those who were not meant to have it: other machines without a
 * token, and web pages that a browser on this machine shows, be they foreign or, by a name that was
 * made to lead here, seemingly our own.
 */
export function adminGuard({ host, token, keys }: AdminAccess): RequestHandler {
  const wanted = token === undefined ? undefined : digest(token);
  return (request, response, next) => {
    requireOwnOrigin(request);
    if (wanted === undefined && keys === undefined) {
      requireLocal(host, request);
    } else if (wanted === undefined || !isToken(request, wanted)) {
      const shown = credentialOf(request);
      const key = shown === undefined ? undefined : keys?.find(shown);
      if (key === undefined) {
        response.set('WWW-Authenticate', 'Bearer realm="model repository"');
        throw new ServingError(
          'UNAUTHENTICATED',
          `The model repository API wants ${keys === undefined ? 'the token of this server' : 'an API key with the scope admin, or the token of this server'}: Authorization: Bearer <${keys === undefined ? 'adminToken' : 'key or adminToken'}>`,
        );
      }
      enterWith(key, 'admin', request, response);
    }
    next();
  };
}

function isToken(request: Request, wanted: Buffer): boolean {
  const shown = credentialOf(request);
  return shown !== undefined && timingSafeEqual(digest(shown), wanted);
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
      `The server listens on ${listening}, where others reach it: the model repository API needs the option adminToken (TFJS_SERVING_ADMIN_TOKEN), or API keys`,
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
