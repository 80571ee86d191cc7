import type { RequestHandler, Router } from 'express';

import { ServingError } from '../kernel/errors';

type Method = 'get' | 'post';

export interface RouteOptions {
  /** PUT does what POST does: `curl -T` and object stores send files so. @default false */
  readonly putAsPost?: boolean;
}

/**
 * Registers the handlers of an address, and 405 with Allow for every other method: a wrong method
 * on a known address is another mistake than a wrong address.
 */
export function route(
  router: Router,
  path: string,
  handlers: Readonly<Partial<Record<Method, readonly RequestHandler[]>>>,
  { putAsPost = false }: RouteOptions = {},
): void {
  for (const method of ['get', 'post'] as const) {
    const chain = handlers[method];
    if (chain !== undefined) router[method](path, ...chain);
  }
  if (putAsPost) router.all(path, ...whenPut(handlers.post ?? []));
  const allowed = Object.keys(handlers).flatMap((method) =>
    method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
  );
  if (putAsPost) allowed.push('PUT');
  router.all(path, (request, _response, next) => {
    next(
      new ServingError(
        'METHOD_NOT_ALLOWED',
        `${request.method} is not allowed here; allowed: ${allowed.join(', ')}`,
        { allowed },
      ),
    );
  });
}

/** Not registered as PUT: it is the same operation, and described once. */
function whenPut(chain: readonly RequestHandler[]): RequestHandler[] {
  return chain.map((handler) => (request, response, next) => {
    if (request.method === 'PUT') return handler(request, response, next);
    next();
    return undefined;
  });
}
