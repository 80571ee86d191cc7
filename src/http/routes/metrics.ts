import { Router, type RequestHandler } from 'express';

import type { Metrics } from '../../telemetry/metrics';
import { route } from '../route';

/** The second is TensorFlow Serving's, for scrape configurations that know that one. */
const METRICS_PATHS = ['/metrics', '/monitoring/prometheus/metrics'] as const;

/** @param guard who may see them */
export function metricsRoutes({ registry }: Metrics, guard: RequestHandler): Router {
  const router = Router();
  const scrape: RequestHandler = async (_request, response) => {
    const text = await registry.metrics();
    response.set('Content-Type', registry.contentType).send(text);
  };
  for (const path of METRICS_PATHS) route(router, path, { get: [guard, scrape] });
  return router;
}
