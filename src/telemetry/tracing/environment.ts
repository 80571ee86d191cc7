import type { BatchSpanProcessorOptions, Sampler } from '@opentelemetry/sdk-trace';

import type { OpenTelemetry } from './sdk';

export type Environment = Readonly<Record<string, string | undefined>>;
type Warn = (message: string) => void;

const SAMPLER = 'OTEL_TRACES_SAMPLER';
const PROTOCOLS = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'];
const PROTOCOL = 'http/protobuf';

/** Whether traces are to be sent, by OpenTelemetry's own variables. */
export function wantsTraces(env: Environment): boolean {
  const endpoints = [env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, env.OTEL_EXPORTER_OTLP_ENDPOINT];
  return (
    endpoints.some((endpoint = '') => endpoint.trim() !== '') &&
    env.OTEL_SDK_DISABLED?.trim().toLowerCase() !== 'true' &&
    env.OTEL_TRACES_EXPORTER?.trim() !== 'none'
  );
}

/** Says which protocol is used where another is asked for. */
export function checkProtocol(env: Environment, warn: Warn): void {
  const name = PROTOCOLS.find((variable) => (env[variable] ?? '') !== '');
  if (name === undefined || env[name] === PROTOCOL) return;
  warn(`${name} is "${env[name] ?? ''}": traces are sent as ${PROTOCOL}, the only one there is`);
}

/** Which traces are recorded: OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG, which the SDK leaves to its users. */
export function samplerOf(env: Environment, sdk: OpenTelemetry['sdk'], warn: Warn): Sampler {
  const name = env[SAMPLER]?.trim() ?? '';
  const ratio = (): Sampler => new sdk.TraceIdRatioBasedSampler(ratioOf(env, warn));
  const byParent = (root: Sampler): Sampler => new sdk.ParentBasedSampler({ root });
  const samplers: Readonly<Record<string, () => Sampler>> = {
    always_on: () => new sdk.AlwaysOnSampler(),
    always_off: () => new sdk.AlwaysOffSampler(),
    traceidratio: ratio,
    parentbased_always_on: () => byParent(new sdk.AlwaysOnSampler()),
    parentbased_always_off: () => byParent(new sdk.AlwaysOffSampler()),
    parentbased_traceidratio: () => byParent(ratio()),
  };
  const made = Object.hasOwn(samplers, name) ? samplers[name]?.() : undefined;
  if (made !== undefined) return made;
  if (name !== '') {
    warn(
      `${SAMPLER} is "${name}": allowed are ${Object.keys(samplers).join(', ')}; parentbased_always_on is used`,
    );
  }
  return byParent(new sdk.AlwaysOnSampler());
}

/** How spans are sent in groups: the variables OTEL_BSP_…, which the SDK leaves to its users. */
export function groupingOf(
  env: Environment,
  warn: Warn,
): Omit<BatchSpanProcessorOptions, 'exporter'> {
  const read = (name: string, least: number): number | undefined => {
    const text = env[name]?.trim() ?? '';
    if (text === '') return undefined;
    const value = Number(text);
    if (Number.isInteger(value) && value >= least) return value;
    warn(`${name} is "${text}": allowed is a whole number from ${least}; the default is used`);
    return undefined;
  };
  const given = {
    scheduledDelayMillis: read('OTEL_BSP_SCHEDULE_DELAY', 0),
    exportTimeoutMillis: read('OTEL_BSP_EXPORT_TIMEOUT', 1),
    maxQueueSize: read('OTEL_BSP_MAX_QUEUE_SIZE', 1),
    maxExportBatchSize: read('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 1),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** 1 where nothing is said, or nothing that can be used. */
function ratioOf(env: Environment, warn: Warn): number {
  const name = `${SAMPLER}_ARG`;
  const text = env[name]?.trim() ?? '';
  if (text === '') return 1;
  const ratio = Number(text);
  if (ratio >= 0 && ratio <= 1) return ratio;
  warn(`${name} is "${text}": allowed is a number from 0 to 1; 1 is used`);
  return 1;
}
