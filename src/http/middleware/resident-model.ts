import type { Request, RequestHandler } from 'express';

import type { ModelManager } from '../../models/model-manager';
import { clientSignal } from './request-context';

/**
 * Before a request is judged and its body read: waits until the model is in memory where it is loaded
 * on demand, and keeps it there until the answer has gone.
 * @param versionOf the version that the address means; undefined: the newest
 */
export function residentModel(
  manager: Pick<ModelManager, 'bring'>,
  versionOf: (request: Request) => number | undefined,
): RequestHandler {
  return async (request, response, next) => {
    const name = String(request.params.name);
    const coming = manager.bring(name, versionOf(request), () => clientSignal(response));
    if (coming !== undefined) {
      const release = await coming;
      if (response.closed) release();
      else response.once('close', release);
    }
    next();
  };
}
