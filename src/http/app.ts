import express, { type Express } from 'express';
import helmet from 'helmet';

import { ServingError } from '../errors';
import type { ImageUseCase } from '../inference/image-inference';
import type { TensorUseCase } from '../inference/tensor-inference';
import type { ModelManager } from '../models/model-manager';
import { packageVersion } from '../package-version';
import type { Logger } from '../telemetry/logger';
import type { Metrics } from '../telemetry/metrics';
import type { ImageRequestLimits } from './image-request';
import { inFlightLimit } from './middleware/in-flight-limit';
import { problemHandler } from './middleware/problem-details';
import { requestContext } from './middleware/request-context';
import { oipRoutes } from './oip/routes';
import { docsRoutes } from './routes/docs';
import { imageRoutes } from './routes/images';
import { metricsRoutes } from './routes/metrics';
import { modelRoutes } from './routes/models';
import { tfServingRoutes } from './tfserving/routes';

export interface AppDeps {
  readonly manager: ModelManager;
  readonly inference: ImageUseCase;
  readonly tensors: TensorUseCase;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly limits: ImageRequestLimits & { readonly maxInFlightRequests: number };
  /** True once the server is shutting down. */
  readonly draining: () => boolean;
  /**
   * Whether the model repository API is in this application.
   * @default true
   */
  readonly modelControl?: boolean;
}

/** The HTTP application; it never listens, so tests need no socket. */
export function createApp(deps: AppDeps): Express {
  const { manager, inference, tensors, metrics, logger, limits, draining } = deps;
  const app = express();
  app.disable('x-powered-by');
  // Answers are made for one request: a hash of each would be work for nothing.
  app.disable('etag');
  app.use(requestContext(logger, metrics));
  // TLS ends in front of this server: whether there is any is not for it to promise.
  app.use(
    helmet({
      strictTransportSecurity: false,
      contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    }),
  );
  app.use((_request, response, next) => {
    // Clients that keep connections open learn here to go elsewhere.
    if (draining()) response.set('Connection', 'close');
    next();
  });

  app.use(metricsRoutes(metrics));
  const { modelControl = true } = deps;
  app.use(docsRoutes({ modelControl }));
  app.use(modelRoutes(manager));
  const admit = inFlightLimit(limits.maxInFlightRequests);
  app.use(imageRoutes({ inference, limits, admit }));
  app.use(tfServingRoutes({ manager, tensors, limits, admit, logger }));
  app.use(
    oipRoutes({
      manager,
      tensors,
      limits,
      admit,
      logger,
      draining,
      version: packageVersion(),
      modelControl,
    }),
  );

  app.use((request, _response, next) => {
    next(new ServingError('ROUTE_NOT_FOUND', `There is nothing at ${request.path}`));
  });
  app.use(problemHandler(logger));
  return app;
}
