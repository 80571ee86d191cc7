import type { Express } from 'express';

import { ServingError } from '../kernel/errors';
import type { ModelManager } from '../models/model-manager';
import type { BodyReader } from './body/body-reader';
import { createBaseApp, type BaseAppDeps } from './base-app';
import { LOCAL_ACCESS, type AdminAccess } from './middleware/admin-guard';
import { plainErrorHandler } from './middleware/error-handler';
import { problemHandler } from './middleware/problem-details';
import { repositoryRoutes } from './oip/repository-routes';
import { docsRoutes } from './routes/docs';
import { referenceRoutes } from './routes/page';
import { healthRoutes } from './routes/health';

export interface AdminAppDeps extends BaseAppDeps {
  readonly manager: ModelManager;
  readonly bodies: BodyReader;
  /**
   * Who may use the model repository API.
   * @default what listens on the loopback interface without a token
   */
  readonly adminAccess?: AdminAccess | undefined;
  /** Whether there is a page at /docs. @default true */
  readonly page?: boolean;
}

/** What adminPort answers: the model repository API, its documents, and whether the server is live and ready. */
export function createAdminApp({
  manager,
  bodies,
  adminAccess = LOCAL_ACCESS,
  page = true,
  ...base
}: AdminAppDeps): Express {
  const app = createBaseApp(base);
  app.use(healthRoutes(manager, base.draining));
  app.use(repositoryRoutes(manager, bodies, adminAccess));
  app.use(docsRoutes({ part: 'admin', pages: page, keys: adminAccess.keys !== undefined }));
  if (page) app.use(referenceRoutes());
  app.use(['/docs', '/assets'], problemHandler(base.logger));
  app.use((request) => {
    throw new ServingError('ROUTE_NOT_FOUND', `There is nothing at ${request.path} on this port`);
  });
  app.use(plainErrorHandler(base.logger));
  return app;
}
