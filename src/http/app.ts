import type { Express, RequestParamHandler, Router } from 'express';

import { ServingError } from '../kernel/errors';
import type { ImageUseCase } from '../inference/image-inference';
import type { HookRequest } from '../inference/model-hooks';
import type { TensorUseCase } from '../inference/tensor-inference';
import type { ModelManager } from '../models/model-manager';
import { packageVersion } from '../process/package-version';
import type { ApiKeys } from './access/api-keys';
import { keyGuard } from './access/key-guard';
import { createBaseApp, type BaseAppDeps } from './base-app';
import type { BodyReader } from './body/body-reader';
import { LOCAL_ACCESS, type AdminAccess } from './middleware/admin-guard';
import { crossOrigin } from './middleware/cross-origin';
import { plainErrorHandler } from './middleware/error-handler';
import { problemHandler } from './middleware/problem-details';
import type { FloatRounding } from './oip/input-tensors';
import { residentModel } from './middleware/resident-model';
import { versionOf } from './model-version';
import { repositoryRoutes } from './oip/repository-routes';
import { oipRoutes } from './oip/routes';
import { docsRoutes } from './routes/docs';
import { healthRoutes } from './routes/health';
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
  /** API keys; undefined: none are needed. */
  readonly keys?: ApiKeys | undefined;
  /**
   * Whether /metrics needs a key, where there are keys.
   * @default 'key'
   */
  readonly metricsAccess?: 'key' | 'open' | undefined;
  /**
   * Origins of web pages that may read answers; `*`: all.
   * @default none
   */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Where /v2 rounds floats to an input of a smaller type. @default json */
  readonly roundFloat64?: FloatRounding | undefined;
  /** Whether there are pages: at / and at /docs. @default true */
  readonly page?: boolean;
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
  const app = createBaseApp(deps);
  const { modelControl = true, adminAccess = LOCAL_ACCESS, roundFloat64 = 'json' } = deps;
  const { keys, metricsAccess = 'key', corsOrigins = [], page = true } = deps;
  // Before pages of other origins are let in, who have no business there.
  if (modelControl) app.use(repositoryRoutes(manager, bodies, { ...adminAccess, keys }));
  app.use(crossOrigin(corsOrigins));
  app.use(healthRoutes(manager, draining));
  app.use(
    docsRoutes({
      part: modelControl ? 'everything' : 'no-model-control',
      pages: page,
      keys: keys !== undefined,
      metricsAccess,
      // The document is open: with keys it does not tell what models there are.
      served: () => (keys === undefined ? modelsToDescribe(manager) : []),
    }),
  );
  // Open too: with keys, the page asks for one.
  if (page) app.use(pageRoutes(), referenceRoutes());
  app.use(metricsRoutes(metrics, keyGuard(metricsAccess === 'key' ? keys : undefined, 'metrics')));
  // Whatever comes behind it needs a key, where there are keys.
  app.use(keyGuard(keys, 'infer'));
  const use = (router: Router): void => {
    if (authorize !== undefined) router.param('name', authorizeModel(authorize));
    app.use(router);
  };
  const resident = residentModel(manager, versionOf);
  use(imageRoutes({ inference, bodies, resident }));
  use(similarityRoutes({ inference, bodies, resident }));
  use(modelRoutes(manager));
  use(tfServingRoutes({ manager, tensors, bodies }));
  use(
    oipRoutes({
      manager,
      tensors,
      bodies,
      draining,
      version: packageVersion(),
      modelControl,
      roundFloat64,
    }),
  );

  if (unknownAddresses === 'answer') {
    app.use((request, _response, next) => {
      next(new ServingError('ROUTE_NOT_FOUND', `There is nothing at ${request.path}`));
    });
  }
  app.use(['/v1', '/v2'], plainErrorHandler(logger));
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
