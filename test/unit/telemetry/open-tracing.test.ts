import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { pino } from 'pino';

import type { Logger } from '../../../src/telemetry/logger';
import { openTracing } from '../../../src/telemetry/tracing/open-tracing';
import { INSTALL_TRACING, loadOpenTelemetry } from '../../../src/telemetry/tracing/sdk';
import { samplerOf, wantsTraces } from '../../../src/telemetry/tracing/environment';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
const { api, sdk } = loadOpenTelemetry();

let lines: Record<string, unknown>[];
let logger: Logger;
beforeEach(() => {
  lines = [];
  logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
});

test('where the packages are missing, the log has the command that installs them', async () => {
  const empty = await mkdtemp(path.join(tmpdir(), 'empty-'));
  const load = createRequire(path.join(empty, 'main.js'));

  const tracing = openTracing(ENDPOINT, '1.0.0', logger, () => loadOpenTelemetry(load));

  expect(tracing).toBeUndefined();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ level: 50, msg: expect.stringContaining(INSTALL_TRACING) });
  await rm(empty, { recursive: true });
});

test('the command names the versions of package.json', () => {
  const { peerDependencies, devDependencies, peerDependenciesMeta } = JSON.parse(
    readFileSync(path.resolve(__dirname, '../../../package.json'), 'utf8'),
  );

  expect(INSTALL_TRACING.match(/@opentelemetry\/\S+/g)).toEqual(
    Object.entries(peerDependencies)
      .map(([name, version]) => `${name}@${String(version)}`)
      .sort(byOrder),
  );
  expect(devDependencies).toMatchObject(peerDependencies);
  for (const name of Object.keys(peerDependencies)) {
    expect(peerDependenciesMeta[name]).toEqual({ optional: true });
  }
});

/** The order of the command. */
function byOrder(a: string, b: string): number {
  return INSTALL_TRACING.indexOf(a) - INSTALL_TRACING.indexOf(b);
}

test.each([
  [{}, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, false],
  [ENDPOINT, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }, true],
  [{ ...ENDPOINT, OTEL_SDK_DISABLED: 'true' }, false],
  [{ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, false],
])('%j: traces are wanted: %s', (env, wanted) => {
  expect(wantsTraces(env)).toBe(wanted);
});

describe('sampling', () => {
  const warned: string[] = [];
  const recorded = (env: Record<string, string>, parent?: 'sampled' | 'not'): number => {
    const sampler = samplerOf(env, sdk, (message) => warned.push(message));
    const ids = Array.from({ length: 400 }, () => new sdk.RandomIdGenerator().generateTraceId());
    return ids.filter((traceId) => {
      const context =
        parent === undefined
          ? api.ROOT_CONTEXT
          : api.trace.setSpanContext(api.ROOT_CONTEXT, {
              traceId,
              spanId: 'b7ad6b7169203331',
              traceFlags: parent === 'sampled' ? 1 : 0,
              isRemote: true,
            });
      const { decision } = sampler.shouldSample(context, traceId, 'x', api.SpanKind.SERVER, {}, []);
      return decision === sdk.SamplingDecision.RECORD_AND_SAMPLED;
    }).length;
  };
  beforeEach(() => {
    warned.length = 0;
  });

  test.each([
    ['', 400, 400, 0],
    ['always_on', 400, 400, 400],
    ['always_off', 0, 0, 0],
    ['parentbased_always_on', 400, 400, 0],
    ['parentbased_always_off', 0, 400, 0],
  ])('%j', (name, alone, sampled, not) => {
    const env = { OTEL_TRACES_SAMPLER: name };
    expect([recorded(env), recorded(env, 'sampled'), recorded(env, 'not')]).toEqual([
      alone,
      sampled,
      not,
    ]);
    expect(warned).toEqual([]);
  });

  test('a ratio', () => {
    const env = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' };
    const alone = recorded(env);
    expect(alone).toBeGreaterThan(100);
    expect(alone).toBeLessThan(300);
    expect(recorded(env, 'sampled')).toBe(400);
    expect(
      recorded({ ...env, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }),
    ).toBe(0);
  });

  test('what is not known is said, and all is recorded', () => {
    expect(recorded({ OTEL_TRACES_SAMPLER: 'jaeger' })).toBe(400);
    expect(warned.join()).toMatch(/"jaeger": allowed are always_on, .*parentbased_traceidratio/);
    expect(recorded({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' })).toBe(
      400,
    );
    expect(warned.join()).toMatch(
      /OTEL_TRACES_SAMPLER_ARG is "2": allowed is a number from 0 to 1/,
    );
  });
});
