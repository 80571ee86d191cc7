import { Router } from 'express';

import type { Metrics } from '../../telemetry/metrics';
import { route } from '../route';

export function metricsRoutes({ registry }: Metrics): Router {
  const router = Router();
  route(router, '/metrics', {
    get: [
      async (_request, response) => {
        const text = await registry.metrics();
        response.set('Content-Type', registry.contentType).send(text);
      },
    ],
  });
  return router;
}
