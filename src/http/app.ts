import type { Express } from 'express';

import { ServingError } from '../kernel/errors';
import type { ImageUseCase } from '../inference/image-inference';
import type { TensorUseCase } from '../inference/tensor-inference';
import type { ModelManager } from '../models/model-manager';
import { packageVersion } from '../process/package-version';
import { createBaseApp, type BaseAppDeps } from './base-app';
import type { BodyReader } from './body/body-reader';
import { LOCAL_ACCESS, type AdminAccess } from './middleware/admin-guard';
import { problemHandler } from './middleware/problem-details';
import type { FloatRounding } from './oip/input-tensors';
import { residentModel } from './middleware/resident-model';
import { versionOf } from './model-version';
import { oipRoutes } from './oip/routes';
import { docsRoutes } from './routes/docs';
import { imageRoutes } from './routes/images';
import { similarityRoutes } from './routes/similarity';
import { metricsRoutes } from './routes/metrics';
import { modelRoutes, modelsToDescribe } from './routes/models';
import { pageRoutes, referenceRoutes } from './routes/page';
import { tfServingRoutes } from './tfserving/routes';

export interface AppDeps extends BaseAppDeps {
  readonly manager: ModelManager;
  readonly inference: ImageUseCase;
  readonly tensors: TensorUseCase;
  readonly bodies: BodyReader;
  /**
   * Whether the model repository API is in this application.
   * @default true
   */
  readonly modelControl?: boolean;
  /**
   * Who may use the model repository API.
   * @default what listens on the loopback interface without a token
   */
  readonly adminAccess?: AdminAccess | undefined;
  /** Where /v2 rounds floats to an input of a smaller type. @default json */
  readonly roundFloat64?: FloatRounding | undefined;
  /** Whether there are pages: at / and at /docs. @default true */
  readonly page?: boolean;
}

/** The HTTP application; it never listens, so tests need no socket. */
export function createApp(deps: AppDeps): Express {
  const { manager, inference, tensors, bodies, metrics, logger, draining } = deps;
  const app = createBaseApp({ metrics, logger });
  // First, as Express tries routes in turn and nothing else is asked for as often.
  const resident = residentModel(manager, versionOf);
  app.use(imageRoutes({ inference, bodies, resident }));
  app.use(similarityRoutes({ inference, bodies, resident }));
  app.use(metricsRoutes(metrics));
  const { modelControl = true, adminAccess = LOCAL_ACCESS, roundFloat64 = 'json' } = deps;
  const { page = true } = deps;
  app.use(
    docsRoutes({
      part: modelControl ? 'everything' : 'no-model-control',
      pages: page,
      served: () => modelsToDescribe(manager),
    }),
  );
  if (page) app.use(pageRoutes(), referenceRoutes());
  app.use(modelRoutes(manager));
  app.use(tfServingRoutes({ manager, tensors, bodies, logger }));
  app.use(
    oipRoutes({
      manager,
      tensors,
      bodies,
      logger,
      draining,
      version: packageVersion(),
      modelControl,
      adminAccess,
      roundFloat64,
    }),
  );

  app.use((request, _response, next) => {
    next(new ServingError('ROUTE_NOT_FOUND', `There is nothing at ${request.path}`));
  });
  app.use(problemHandler(logger));
  return app;
}
