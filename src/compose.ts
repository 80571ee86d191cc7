import type { RequestListener } from 'node:http';
import path from 'node:path';

import { RunMemoryBudget } from './batching/run-memory-budget';
import type { LocalInference } from './commands/score/engines/in-process-engine';
import { createAdminApp } from './http/admin-app';
import { createApp, type AppDeps } from './http/app';
import { BodyReader, TENSOR_WEIGHT } from './http/body/body-reader';
import { RequestPlaces } from './http/body/request-places';
import { Uploads } from './http/body/uploads';
import { ImageFetcher } from './http/image-url/image-fetcher';
import { listen, type HttpServer } from './http/server';
import type { TlsSettings } from './http/tls';
import { SHIPPED_MODELS } from './config/default-repository';
import type { Config } from './config/schema';
import { configureSharp } from './imaging/sharp-settings';
import type { HookRunner } from './inference/model-hooks';
import { ImagePreparer } from './inference/image-preparer';
import { ImageInference } from './inference/image-inference';
import type { InferenceObserver } from './inference/inference-observer';
import { TensorInference } from './inference/tensor-inference';
import { ModelManager } from './models/model-manager';
import { KnownNeeds } from './models/residency/known-needs';
import { openNetwork } from './network';
import { servableRuntime } from './models/servable-runtime';
import { environmentWarnings } from './runtime/placement';
import { ByteBudget } from './kernel/byte-budget';
import { packageVersion } from './process/package-version';
import { readRuntimeInstall } from './runtime/runtime-install';
import { memoryLimit } from './process/memory-limit';
import { Semaphore } from './kernel/semaphore';
import { Service, type ServiceOptions } from './service';
import { createLogger, logLook, type Logger } from './telemetry/logger';
import { createMetrics, type Metrics } from './telemetry/metrics';
import { modelEvents, servableGauges } from './telemetry/model-telemetry';
import { openTracing } from './telemetry/tracing/open-tracing';
import type { Tracing } from './telemetry/tracing/tracing';
import { serverSettings, type ServerSettings } from './models/server-settings';

export type { Service };

/** The one place that constructs things and hands them to each other. Nothing runs yet. */
export function createService(config: Config): Service {
  const logger = createLogger(
    config.logLevel,
    logLook(config.logFormat, config.logLevel, process.stdout.isTTY),
  );
  logStart(config, logger);
  const parts = createParts(config, logger);
  const { manager, bodies, metrics, tracing } = parts;
  const network = openNetwork(config, logger, metrics);
  const { keys, tls } = network;
  const adminAccess = { host: config.host, token: config.adminToken, keys };
  const listenAll: ServiceOptions['listen'] = async (draining) => {
    const app = createApp({
      ...appDeps(config, parts),
      draining,
      adminAccess,
      keys,
      metricsAccess: config.metricsAccess,
      corsOrigins: config.corsOrigins,
    });
    const server = await listen(app, { ...config, tls });
    logger.info({ url: server.url }, 'listening');
    const { page } = config;
    const adminApp = createAdminApp({
      manager,
      bodies,
      metrics,
      logger,
      tracing,
      draining,
      adminAccess,
      page,
    });
    const admin = await listenForAdmin(adminApp, config, tls).catch(async (error: unknown) => {
      await server.close();
      throw error;
    });
    if (admin !== undefined) logger.info({ url: admin.url }, 'listening for model control');
    network.follow(admin === undefined ? [server] : [server, admin]);
    return { server, admin };
  };
  return createServiceOf(config, parts, listenAll, network);
}

/** What a report of a fault should begin with. */
function logStart({ modelRepository }: Config, logger: Logger): void {
  const { tensorflowVersion, variant } = readRuntimeInstall() ?? {};
  const tensorflow = tensorflowVersion === undefined ? 'none' : `${tensorflowVersion} (${variant})`;
  logger.info({ version: packageVersion(), node: process.versions.node, tensorflow }, 'starting');
  const shipped = path.resolve(modelRepository) === SHIPPED_MODELS;
  logger.info({ path: path.resolve(modelRepository), shipped }, 'model repository');
}

export interface MountedService extends Inference {
  readonly service: Service;
  /** What it answers; it listens nowhere. */
  readonly app: ReturnType<typeof createApp>;
}

/** A service for a program that has a server of its own. Nothing runs yet. */
export function createMountedService(
  config: Config,
  logger: Logger,
  hooks: HookRunner,
): MountedService {
  const parts = createParts(config, logger, hooks);
  const network = openNetwork(config, logger, parts.metrics);
  const { keys } = network;
  let draining = (): boolean => false;
  const app = createApp({
    ...appDeps(config, parts),
    draining: () => draining(),
    // Where the other program listens is not known: only a token opens the model repository API.
    modelControl: config.modelControlApi === 'on' && config.adminToken !== undefined,
    adminAccess: { host: '0.0.0.0', token: config.adminToken, keys },
    keys,
    metricsAccess: config.metricsAccess,
    corsOrigins: config.corsOrigins,
    authorize: (request) => hooks.authorize(request),
    unknownAddresses: 'pass-on',
  });
  const mount: ServiceOptions['listen'] = (isDraining) => {
    draining = isDraining;
    return Promise.resolve({ server: NO_SERVER, admin: undefined });
  };
  const service = createServiceOf(config, parts, mount, network);
  return { service, app, ...parts };
}

const NO_SERVER: HttpServer = {
  url: '',
  renewTls: () => undefined,
  drain: () => undefined,
  close: () => Promise.resolve(),
  destroy: () => undefined,
};

interface Parts extends Inference, Telemetry {
  readonly bodies: BodyReader;
}

function createParts(config: Config, logger: Logger, hooks?: HookRunner): Parts {
  const metrics = createMetrics();
  const tracing = openTracing(process.env, packageVersion(), logger);
  const budget = new ByteBudget({ limit: bytesInFlight(config) });
  const telemetry = { logger, metrics, tracing };
  const bodies = new BodyReader({
    limits: config,
    budget,
    uploads: new Uploads({
      maxUploads: config.maxUploads,
      minBytesPerSecond: config.minUploadBytesPerSecond,
      graceMs: config.uploadGraceMs,
    }),
    places: new RequestPlaces(config.maxInFlightRequests),
    fetcher: imageFetcher(config),
  });
  return { ...createInference(config, telemetry, budget, hooks), ...telemetry, bodies };
}

/** What the application is made of, but for who may control models. */
function appDeps(config: Config, parts: Parts): Omit<AppDeps, 'draining'> {
  return {
    ...parts,
    roundFloat64: config.roundFloat64,
    modelControl: config.modelControlApi === 'on' && config.adminPort === undefined,
    page: config.page,
  };
}

function createServiceOf(
  config: Config,
  { manager, inference, logger, metrics, tracing }: Parts,
  listenAs: ServiceOptions['listen'],
  network: ReturnType<typeof openNetwork>,
): Service {
  return new Service({
    manager,
    inference,
    logger,
    listen: listenAs,
    flush: tracing === undefined ? undefined : () => tracing.close(),
    refresh: () => network.refresh(),
    release: () => {
      network.close();
      metrics.close();
    },
    repository: config.modelRepository,
    pollIntervalMs: config.modelControl === 'poll' ? config.pollIntervalMs : undefined,
    drainDelayMs: config.drainDelayMs,
    drainTimeoutMs: config.drainTimeoutMs,
  });
}

/**
 * Creates a service and starts it.
 * @throws Error when a port is taken or the model repository cannot be read
 */
export async function startService(config: Config): Promise<Service> {
  const service = createService(config);
  await service.start();
  return service;
}

/**
 * Loads the models that the configuration names.
 * @throws Error when the model repository cannot be read
 */
export async function startInference(config: Config): Promise<LocalInference> {
  const logger = createLogger(config.logLevel, process.stderr.isTTY ? 'pretty' : 'json', 'stderr');
  const metrics = createMetrics();
  const budget = new ByteBudget({ limit: bytesInFlight(config) });
  // Whoever waits for the models decides what a failure means.
  const { manager, inference } = createInference(
    { ...config, maxLoadRetries: 0 },
    { logger, metrics, tracing: undefined },
    budget,
  );
  const stop = async (): Promise<void> => {
    await manager.drain();
    metrics.close();
  };
  try {
    await manager.sync();
  } catch (cause) {
    await stop();
    throw new Error(`The model repository "${config.modelRepository}" cannot be read`, { cause });
  }
  return { manager, inference, imagingConcurrency: config.imagingConcurrency, stop };
}

interface Telemetry {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing | undefined;
}

interface Inference {
  readonly manager: ModelManager;
  readonly inference: ImageInference;
  readonly tensors: TensorInference;
}

function createInference(
  config: Config,
  telemetry: Telemetry,
  budget: ByteBudget,
  hooks?: HookRunner,
): Inference {
  configureSharp({ concurrency: 1 });
  const { logger, metrics, tracing } = telemetry;

  const settings = serverSettings(config, process.env);
  const { maxRunMemory } = settings;
  const runMemory = maxRunMemory === undefined ? undefined : new RunMemoryBudget(maxRunMemory);
  const manager = createManager(config, telemetry, settings, runMemory);
  metrics.onServerScrape(() => ({
    bytesInFlight: budget.used,
    runMemoryBytes: runMemory?.used ?? 0,
  }));
  const imaging = new Semaphore(config.imagingConcurrency);
  const preparer = new ImagePreparer({
    limits: config,
    imaging,
    maxLargeImages: config.maxLargeImages ?? Math.max(1, Math.floor(config.imagingConcurrency / 4)),
    budget,
  });
  const observer: InferenceObserver = {
    stage: metrics.stage,
    outcome: metrics.inference,
    span:
      tracing === undefined
        ? undefined
        : (model, version, stage, duration) => {
            tracing.stage(model, version, stage, duration);
          },
    tiles: (model, version, progress) => {
      logger.info({ model, version, ...progress }, 'an image is being run in tiles');
    },
  };
  const inference = new ImageInference({
    manager,
    preparer,
    imaging,
    observer,
    hooks,
    budget,
    maxOutputPixels: config.maxOutputPixels,
  });
  const tensors = new TensorInference({
    manager,
    preparer,
    maxPixels: config.maxPixels,
    observer,
    hooks,
  });
  return { manager, inference, tensors };
}

function imageFetcher(config: Config): ImageFetcher | undefined {
  const { imageUrlOrigins: origins, imageUrlAllowPrivate: allowPrivate } = config;
  if (origins.length === 0) return undefined;
  return new ImageFetcher({ origins, allowPrivate, timeoutMs: config.imageUrlTimeoutMs });
}

/** Large enough for one body and what is made of it. */
function bytesInFlight({ maxBytesInFlight, maxBodyBytes }: Config): number {
  return maxBytesInFlight ?? Math.max(memoryLimit() / 4, TENSOR_WEIGHT * maxBodyBytes);
}

/** Undefined when the model repository API is off, or on the port of everything else. */
async function listenForAdmin(
  app: RequestListener,
  config: Config,
  tls: TlsSettings | undefined,
): Promise<HttpServer | undefined> {
  const { adminPort, modelControlApi } = config;
  if (modelControlApi === 'off' || adminPort === undefined) return undefined;
  return listen(app, { ...config, port: adminPort, tls });
}

function createManager(
  config: Config,
  { logger, metrics, tracing }: Telemetry,
  settings: ServerSettings,
  runMemory: RunMemoryBudget | undefined,
): ModelManager {
  const { plan, defaults, install } = settings;
  // What a model needs depends on it.
  const runtime = `${install?.tensorflowVersion ?? ''} ${install?.variant ?? ''}`;
  logger.info({ device: plan.device, gpus: plan.gpus, reason: plan.reason }, 'device');
  for (const warning of environmentWarnings(plan, process.env)) logger.warn(warning);
  const manager = new ModelManager(
    {
      repository: config.modelRepository,
      only: config.models,
      control: config.modelControl,
      loadConcurrency: config.loadConcurrency,
      maxLoadRetries: config.maxLoadRetries,
      loadRetryIntervalMs: config.loadRetryIntervalMs,
      livenessTimeoutMs: config.livenessTimeoutMs,
      residency: {
        limit: config.maxResidentMemory ?? Math.floor(memoryLimit() * 0.75),
        needs: new KnownNeeds({ directory: path.join(settings.cacheDirectory, 'needs'), runtime }),
      },
      defaults,
      runtime: servableRuntime(config, settings, {
        runMemory,
        onCacheProblem: (reason) => {
          logger.warn({ reason }, 'the cache of rewritten models cannot be written');
        },
      }),
    },
    modelEvents(logger, metrics, tracing),
  );
  metrics.onScrape(() => servableGauges(manager));
  return manager;
}
