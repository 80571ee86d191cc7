import type { Express } from 'express';

import { createAdminApp } from '../../src/http/admin-app';
import { createApp, type AppDeps } from '../../src/http/app';
import { ModelManager } from '../../src/models/model-manager';
import { testBodies } from './bodies';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';

function unused(): never {
  throw new Error('not used here');
}

/** The applications without a model, for what does not ask one: addresses, documents. */
export function createBareApps(overrides: Partial<AppDeps> = {}): {
  readonly app: Express;
  readonly admin: Express;
  readonly close: () => void;
} {
  const metrics = createMetrics();
  const manager = new ModelManager({
    repository: '',
    only: [],
    loadConcurrency: 1,
    defaults: {
      instances: 1,
      maxBatchSize: 1,
      batchSizeSteps: 'fine',
      maxQueueDelayMs: 0,
      maxQueueSize: 1,
      queueTimeoutMs: 1,
    },
    runtime: { runTimeoutMs: 1, loadTimeoutMs: 1, place: () => [] },
  });
  const base = { manager, metrics, logger: createLogger('silent', 'json'), draining: () => false };
  const bodies = testBodies({ maxBodyBytes: 1024, maxFileBytes: 1024, maxFiles: 1 });
  const app = createApp({
    ...base,
    inference: { admit: unused, answer: unused },
    tensors: { admit: unused, infer: unused },
    bodies,
    ...overrides,
  });
  return {
    app,
    admin: createAdminApp({ ...base, bodies, adminAccess: overrides.adminAccess }),
    close: () => {
      metrics.close();
    },
  };
}
