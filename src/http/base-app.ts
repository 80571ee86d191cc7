import express, { type Express } from 'express';
import helmet from 'helmet';

import type { Logger } from '../telemetry/logger';
import type { Metrics } from '../telemetry/metrics';
import type { Tracing } from '../telemetry/tracing/tracing';
import { queuedResponses } from './middleware/queued-responses';
import { requestContext } from './middleware/request-context';
import { requestSpans } from './middleware/request-spans';
import { stalledAnswers } from './middleware/stalled-answers';

/** Milliseconds in which a client takes nothing of its answer, after which it is cut. */
const ANSWER_STALL_MS = 30_000;

export interface BaseAppDeps {
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Makes spans of requests. @default there are none */
  readonly tracing?: Tracing | undefined;
  /** True once the server is shutting down. */
  readonly draining: () => boolean;
}

/** An application without addresses: request ids, logs, metrics and security headers. */
export function createBaseApp({
  metrics,
  logger,
  tracing,
}: Pick<BaseAppDeps, 'metrics' | 'logger' | 'tracing'>): Express {
  const app = express();
  app.disable('x-powered-by');
  // Answers are made for one request: a hash of each would be work for nothing.
  app.disable('etag');
  app.use(queuedResponses());
  app.use(requestContext(logger, metrics));
  if (tracing !== undefined) app.use(requestSpans(tracing));
  app.use(stalledAnswers(ANSWER_STALL_MS));
  // TLS ends in front of this server: whether there is any is not for it to promise.
  app.use(
    helmet({
      strictTransportSecurity: false,
      contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    }),
  );
  return app;
}
