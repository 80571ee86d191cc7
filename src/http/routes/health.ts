import { Router } from 'express';

import type { ModelManager } from '../../models/model-manager';
import { route } from '../route';

/** `draining`: SIGTERM has come; the server still answers but wants no new clients. */
export function healthRoutes(
  manager: Pick<ModelManager, 'live' | 'ready'>,
  draining: () => boolean,
): Router {
  const router = Router();
  route(router, '/v2/health/live', {
    get: [
      (_request, response) => {
        const { live } = manager;
        response.status(live ? 200 : 503).json({ live });
      },
    ],
  });
  route(router, '/v2/health/ready', {
    get: [
      (_request, response) => {
        const ready = manager.ready && !draining();
        response.status(ready ? 200 : 503).json({ ready });
      },
    ],
  });
  return router;
}
