import type { RequestHandler, Router } from 'express';

import { ServingError } from '../kernel/errors';

type Method = 'get' | 'post' | 'put';

/**
 * Registers the handlers of an address, and 405 with Allow for every other method: a wrong method
 * on a known address is another mistake than a wrong address.
 */
export function route(
  router: Router,
  path: string,
  handlers: Readonly<Partial<Record<Method, readonly RequestHandler[]>>>,
): void {
  for (const method of ['get', 'post', 'put'] as const) {
    const chain = handlers[method];
    if (chain !== undefined) router[method](path, ...chain);
  }
  const allowed = Object.keys(handlers).flatMap((method) =>
    method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
  );
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
