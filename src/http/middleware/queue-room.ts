import type { RequestHandler } from 'express';

import type { ModelManager } from '../../models/model-manager';

/**
 * Refuses what the queue of its model has no room for before the body is read: reading a form costs
 * as much of the main thread as two answers, and overload is when that thread is needed most.
 */
export function requireQueueRoom(manager: ModelManager): RequestHandler {
  return (request, _response, next) => {
    const { name, version } = request.params;
    manager.requireRoom(String(name), version === undefined ? undefined : Number(version));
    next();
  };
}
