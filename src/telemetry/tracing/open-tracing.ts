import { messageOf } from '../../kernel/errors';
import type { Logger } from '../logger';
import { checkProtocol, groupingOf, samplerOf, wantsTraces, type Environment } from './environment';
import { loadOpenTelemetry, TracingNotInstalledError, type OpenTelemetry } from './sdk';
import { Tracing } from './tracing';

const NAME = 'tfjs-serving';

/**
 * Traces are sent where OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT says to; nothing of
 * OpenTelemetry's SDK is loaded otherwise. What is missing or wrong is logged: the server goes on without.
 * @param load loads OpenTelemetry @default its packages, as they are installed
 * @returns undefined where no traces are sent
 */
export function openTracing(
  env: Environment,
  version: string,
  logger: Logger,
  load: () => OpenTelemetry = loadOpenTelemetry,
): Tracing | undefined {
  if (!wantsTraces(env)) return undefined;
  try {
    return start(load(), env, version, logger);
  } catch (thrown) {
    if (thrown instanceof TracingNotInstalledError) logger.error(thrown.message);
    else logger.error({ err: thrown }, `no traces are sent: ${messageOf(thrown)}`);
    return undefined;
  }
}

function start(
  { api, sdk, resources, exporter }: OpenTelemetry,
  env: Environment,
  version: string,
  logger: Logger,
): Tracing {
  const warn = (message: string): void => {
    logger.warn(message);
  };
  // A receiver that cannot be reached, spans that are dropped.
  const log =
    (level: 'warn' | 'error') =>
    (message: string, ...more: readonly unknown[]): void => {
      logger[level]({ detail: [message, ...more.map(messageOf)].join(' ') }, 'traces');
    };
  const silent = (): void => undefined;
  api.diag.setLogger(
    { error: log('error'), warn: log('warn'), info: silent, debug: silent, verbose: silent },
    { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  checkProtocol(env, warn);
  const provider = new sdk.TracerProvider({
    sampler: samplerOf(env, sdk, warn),
    // The last one counts: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes({ 'service.name': NAME, 'service.version': version }))
      .merge(
        resources.detectResources({
          detectors: [resources.resourceAttributesEnvDetector, resources.serviceNameEnvDetector],
        }),
      ),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new exporter.OTLPTraceExporter(),
        ...groupingOf(env, warn),
      }),
    ],
  });
  logger.info('traces are sent by OpenTelemetry');
  return new Tracing(api, {
    tracer: provider.getTracer(NAME, version),
    shutdown: () => provider.shutdown(),
  });
}
