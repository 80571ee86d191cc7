import type { ReadableSpan } from '@opentelemetry/sdk-trace';

import { DynamicBatcher } from '../../../src/batching/dynamic-batcher';
import { RunFailedError } from '../../../src/kernel/run-failed-error';
import { loadOpenTelemetry } from '../../../src/telemetry/tracing/sdk';
import { Tracing } from '../../../src/telemetry/tracing/tracing';
import { FakeExecutor } from '../../support/fake-executor';
import { floats } from '../../support/tensors';

const { api, sdk } = loadOpenTelemetry();

let exporter: InstanceType<typeof sdk.InMemorySpanExporter>;
let tracing: Tracing;
let executor: FakeExecutor;
let batcher: DynamicBatcher;

beforeEach(() => {
  exporter = new sdk.InMemorySpanExporter();
  const provider = new sdk.TracerProvider({
    spanProcessors: [new sdk.SimpleSpanProcessor({ exporter })],
  });
  tracing = new Tracing(api, {
    tracer: provider.getTracer('test'),
    shutdown: () => provider.shutdown(),
  });
  executor = new FakeExecutor(1);
  batcher = new DynamicBatcher(
    {
      maxBatchSize: 4,
      allowedBatchSizes: [1, 2, 4],
      maxQueueDelayMs: 0,
      maxQueueSize: 100,
      queueTimeoutMs: 10_000,
      batchable: true,
    },
    executor,
    { tracer: tracing.batches('m', 1) },
  );
});
afterEach(() => {
  batcher.close();
});

/** Submits a row in the course of a traced request, which ends with it. */
async function ask(value: number, signal?: AbortSignal): Promise<string> {
  const span = tracing.begin({
    id: String(value),
    method: 'POST',
    scheme: 'http',
    path: '/',
    traceparent: undefined,
    tracestate: undefined,
  });
  let answer: Promise<unknown> | undefined;
  span.run(() => {
    answer = batcher.submit(
      { signature: 's', inputs: [floats('x', [1, 1], [value])], rows: 1, signal },
      batcher.admission.acquire(1),
    );
  });
  const said = await answer!.then(
    () => 'answered',
    (error: unknown) => (error as { code: string }).code,
  );
  span.end({ route: undefined, status: 200, code: undefined });
  return said;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What happened to a request, in order: names, with the error where there was one. */
function storyOf(id: number): string[] {
  const spans = exporter.getFinishedSpans();
  const request = spans.find(
    ({ attributes }) => attributes['tfjs_serving.request.id'] === String(id),
  )!;
  const starts = ({ startTime: [s, ns] }: ReadableSpan): number => (s % 1e6) * 1e9 + ns;
  return spans
    .filter(({ parentSpanContext }) => parentSpanContext?.spanId === request.spanContext().spanId)
    .sort((a, b) => starts(a) - starts(b))
    .map(({ name, attributes }) => {
      const error = attributes['error.type'];
      return typeof error === 'string' ? `${name} ${error}` : name;
    });
}

test('a batch that fails: each waits again and has the end that it had', async () => {
  const answers = [ask(1), ask(2)];
  await turn();
  executor.runs[0]!.fail(new RunFailedError('no', 'INVALID_ARGUMENT'));
  await turn();
  executor.runs[1]!.finish();
  await turn();
  executor.runs[2]!.fail(new RunFailedError('no', 'INVALID_ARGUMENT'));

  expect(await Promise.all(answers)).toEqual(['answered', 'INFERENCE_FAILED']);
  expect(storyOf(1)).toEqual(['queue', 'infer RunFailedError', 'queue', 'infer']);
  expect(storyOf(2)).toEqual(['queue', 'infer RunFailedError', 'queue', 'infer INFERENCE_FAILED']);
  const batches = exporter.getFinishedSpans().filter(({ name }) => name === 'batch');
  expect(batches.map(({ links }) => links.length)).toEqual([2, 1, 1]);
});

test('a client that goes while its request waits', async () => {
  const running = ask(1);
  await turn();
  const leaving = new AbortController();
  const gone = ask(2, leaving.signal);
  leaving.abort();

  expect(await gone).toBe('CLIENT_CLOSED_REQUEST');
  executor.runs[0]!.finish();
  await running;
  expect(storyOf(2)).toEqual(['queue CLIENT_CLOSED_REQUEST']);
});

test('requests that are not traced make no spans', async () => {
  const answer = batcher.submit(
    { signature: 's', inputs: [floats('x', [1, 1], [1])], rows: 1 },
    batcher.admission.acquire(1),
  );
  await turn();
  executor.runs[0]!.finish();
  await answer;

  expect(exporter.getFinishedSpans()).toEqual([]);
});
