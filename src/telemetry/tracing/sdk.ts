import { createRequire } from 'node:module';

import { hasErrorCode } from '../../kernel/errors';

/** OpenTelemetry's packages: optional, as they are larger than most of what is needed to serve. */
export interface OpenTelemetry {
  readonly api: typeof import('@opentelemetry/api');
  readonly sdk: typeof import('@opentelemetry/sdk-trace');
  readonly resources: typeof import('@opentelemetry/resources');
  readonly exporter: typeof import('@opentelemetry/exporter-trace-otlp-proto');
}

/** They are not installed. */
export class TracingNotInstalledError extends Error {}

/**
 * Loads the packages, from where this package would load them.
 * @param load what loads a package by its name @default that of this package
 * @throws TracingNotInstalledError with the command that installs them
 */
export function loadOpenTelemetry(load: NodeJS.Require = createRequire(__filename)): OpenTelemetry {
  try {
    return {
      api: load('@opentelemetry/api') as OpenTelemetry['api'],
      sdk: load('@opentelemetry/sdk-trace') as OpenTelemetry['sdk'],
      resources: load('@opentelemetry/resources') as OpenTelemetry['resources'],
      exporter: load('@opentelemetry/exporter-trace-otlp-proto') as OpenTelemetry['exporter'],
    };
  } catch (thrown) {
    if (!hasErrorCode(thrown, 'MODULE_NOT_FOUND')) throw thrown;
    throw new TracingNotInstalledError(
      `no traces are sent: OpenTelemetry's packages are not installed; install them with "${INSTALL_TRACING}" and start again`,
      { cause: thrown },
    );
  }
}

/** The versions are those of package.json, which it leaves as it is. */
export const INSTALL_TRACING =
  'npm install --no-save --save-prod --omit=dev @opentelemetry/api@1.10.0 @opentelemetry/sdk-trace@3.1.1 @opentelemetry/resources@3.1.1 @opentelemetry/exporter-trace-otlp-proto@0.301.1';
