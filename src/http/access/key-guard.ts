import type { IncomingMessage } from 'node:http';

import type { Request, RequestHandler, Response, Router } from 'express';

import { ServingError } from '../../kernel/errors';
import type { ApiKey } from './api-key';
import type { ApiKeys } from './api-keys';
import { credentialOf } from './credentials';
import type { KeyScope } from './key-file';

const CHALLENGE = 'Bearer realm="tfjs-serving"';

/** Keys of the requests that are being answered. */
const KEYS = new WeakMap<IncomingMessage, ApiKey>();

/** The key that a request has shown; undefined where none is needed, or it was not accepted. */
export function keyOf(request: IncomingMessage): ApiKey | undefined {
  return KEYS.get(request);
}

/**
 * Lets requests pass that show a key with this scope, and counts them. Nothing has been read of a body yet.
 * @param keys undefined: everything passes
 */
export function keyGuard(keys: ApiKeys | undefined, scope: KeyScope): RequestHandler {
  if (keys === undefined) {
    return (_request, _response, next) => {
      next();
    };
  }
  return (request, response, next) => {
    const shown = credentialOf(request);
    const key = shown === undefined ? undefined : keys.find(shown);
    if (key === undefined) {
      response.set('WWW-Authenticate', CHALLENGE);
      throw new ServingError(
        'UNAUTHENTICATED',
        shown === undefined
          ? 'This server wants an API key: Authorization: Bearer <key>, or X-Api-Key: <key>'
          : 'The API key is not one of this server',
      );
    }
    enterWith(key, scope, request, response);
    next();
  };
}

/**
 * Counts a request for its key until its answer is over.
 * @throws ServingError FORBIDDEN, RATE_LIMITED
 */
export function enterWith(
  key: ApiKey,
  scope: KeyScope,
  request: Request,
  response: Response,
): void {
  KEYS.set(request, key);
  key.requireScope(scope);
  try {
    response.once('close', key.enter(!['GET', 'HEAD'].includes(request.method)));
  } finally {
    tellRates(key, response);
  }
}

/** Refuses requests for models that their key may not use, at every address of the router with a `:name`. */
export function guardModels(router: Router): void {
  router.param('name', (request: Request, _response, next, name: string) => {
    keyOf(request)?.requireModel(name);
    next();
  });
}

/** Of a list, the models that the key of a request may use. */
export function visibleModels<T extends { readonly name: string }>(
  request: IncomingMessage,
  models: readonly T[],
): readonly T[] {
  const key = keyOf(request);
  return key === undefined ? models : models.filter(({ name }) => key.allowsModel(name));
}

/** Counts the images of a request for its key, once they are known. */
export function chargeImages(request: Request, response: Response, images: number): void {
  const key = keyOf(request);
  if (key === undefined) return;
  key.charge(images);
  tellRates(key, response);
}

function tellRates(key: ApiKey, response: Response): void {
  const headers = key.rateLimitHeaders;
  if (headers === undefined || response.headersSent) return;
  response.set({ 'RateLimit-Policy': headers.policy, RateLimit: headers.state });
}
