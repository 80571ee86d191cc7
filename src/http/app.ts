import type { Express, RequestParamHandler, Router } from 'express';

import { ServingError } from '../kernel/errors';
import type { ImageUseCase } from '../inference/image-inference';
import type { HookRequest } from '../inference/model-hooks';
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
import { modelRoutes } from './routes/models';
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
  /** Asked about every request whose address names a model, before its body is read; throws a ServingError. */
  readonly authorize?: ((request: HookRequest) => Promise<void>) | undefined;
  /**
   * What becomes of an address that is not known: it is answered 404, or left to whoever the
   * application is mounted by.
   * @default 'answer'
   */
  readonly unknownAddresses?: 'answer' | 'pass-on' | undefined;
}

/** The HTTP application; it never listens, so tests need no socket. */
export function createApp(deps: AppDeps): Express {
  const { manager, inference, tensors, bodies, metrics, logger, draining, authorize } = deps;
  const { unknownAddresses = 'answer' } = deps;
  const app = createBaseApp({ metrics, logger });
  const use = (router: Router): void => {
    if (authorize !== undefined) router.param('name', authorizeModel(authorize));
    app.use(router);
  };
  // First, as Express tries routes in turn and nothing else is asked for as often.
  const resident = residentModel(manager, versionOf);
  use(imageRoutes({ inference, bodies, resident }));
  use(similarityRoutes({ inference, bodies, resident }));
  app.use(metricsRoutes(metrics));
  const { modelControl = true, adminAccess = LOCAL_ACCESS, roundFloat64 = 'json' } = deps;
  app.use(docsRoutes(modelControl ? 'everything' : 'no-model-control'));
  use(modelRoutes(manager));
  use(tfServingRoutes({ manager, tensors, bodies, logger }));
  use(
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

  if (unknownAddresses === 'answer') {
    app.use((request, _response, next) => {
      next(new ServingError('ROUTE_NOT_FOUND', `There is nothing at ${request.path}`));
    });
  }
  app.use(problemHandler(logger));
  return app;
}

/** By the parameter of the route that was found: whatever way an address is written, the model is the same. */
function authorizeModel(authorize: (request: HookRequest) => Promise<void>): RequestParamHandler {
  return (request, _response, next, value: string) => {
    const { method, url, headers, socket } = request;
    const { remoteAddress } = socket;
    authorize({ model: value, method, url, headers, remoteAddress }).then(() => {
      next();
    }, next);
  };
}
