import { readFileSync } from 'node:fs';
import path from 'node:path';

import { killServers, startServer, type ServerProcess } from '../support/server-process';
import { makeRepository, photo, removeFolder, shippedModel, toy } from '../support/service';
import {
  startTraceReceiver,
  type ReceivedSpan,
  type TraceReceiver,
} from '../support/trace-receiver';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const LIST = `--require ${path.resolve(__dirname, '../support/list-telemetry.cjs')}`;
const JPEG = { 'Content-Type': 'image/jpeg' };

let repository: string;

beforeAll(async () => {
  repository = await makeRepository({
    photos: shippedModel('efficientnet-lite0'),
    // A batch goes when two have come.
    pairs: toy('half_plus_two', { batching: { maxBatchSize: 2, maxQueueDelayMs: 60_000 } }),
    positive: toy('assert_positive', { batching: { maxBatchSize: 1 } }),
  });
});
afterAll(() => removeFolder(repository));
afterEach(killServers);

async function start(env: Readonly<Record<string, string>>): Promise<[ServerProcess, string]> {
  const server = startServer(['--model-repository', repository], {
    ...env,
    NODE_OPTIONS: LIST,
    TFJS_SERVING_LOG_LEVEL: 'debug',
  });
  const { url } = await server.line('listening');
  await server.line('serving');
  return [server, String(url)];
}

async function loaded(server: ServerProcess): Promise<unknown> {
  server.child.kill('SIGWINCH');
  return (await server.line('loaded')).packages;
}

function predict(url: string, model: string, x: unknown, id: string): Promise<Response> {
  return fetch(`${url}/v1/models/${model}:predict`, {
    method: 'POST',
    headers: { 'X-Request-Id': id },
    body: JSON.stringify({ instances: [x] }),
  });
}

describe('with a receiver', () => {
  let receiver: TraceReceiver;
  let output: string;

  /** The span of a request, by the request's id. */
  function requestSpan(id: string): ReceivedSpan {
    const found = receiver.spans.filter(
      ({ attributes }) => attributes['tfjs_serving.request.id'] === id,
    );
    expect(found).toHaveLength(1);
    return found[0]!;
  }
  function below({ spanId, traceId }: ReceivedSpan): ReceivedSpan[] {
    return receiver.spans
      .filter((span) => span.parent === spanId && span.traceId === traceId)
      .sort((a, b) => (a.from < b.from ? -1 : 1));
  }
  function childOf(span: ReceivedSpan, name: string): ReceivedSpan {
    const found = below(span).filter((child) => child.name === name);
    expect(found).toHaveLength(1);
    return found[0]!;
  }

  beforeAll(async () => {
    receiver = await startTraceReceiver();
    const [server, url] = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=t1',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      // What is received is sent at the end.
      OTEL_BSP_SCHEDULE_DELAY: '600000',
    });
    const classify = (body: Buffer<ArrayBuffer>, id: string, flags = '01'): Promise<Response> =>
      fetch(`${url}/models/photos/classify?top=1`, {
        method: 'POST',
        body,
        headers: {
          ...JPEG,
          'X-Request-Id': id,
          traceparent: `00-${TRACE}-${PARENT}-${flags}`,
        },
      });
    const coffee = readFileSync(photo('coffee.jpg'));
    expect((await classify(coffee, 'photo')).status).toBe(200);
    expect((await classify(coffee, 'unsampled', '00')).status).toBe(200);
    expect((await classify(coffee.subarray(0, 200), 'broken')).status).toBe(422);
    const pair = await Promise.all([
      predict(url, 'pairs', 1, 'first'),
      predict(url, 'pairs', 2, 'second'),
    ]);
    expect(pair.map(({ status }) => status)).toEqual([200, 200]);
    expect((await predict(url, 'positive', [-1, 1, 1, 1], 'negative')).status).toBe(400);
    expect((await fetch(`${url}/nothing?secret=1`)).status).toBe(404);
    expect(await loaded(server)).toContain('@opentelemetry/sdk-trace');
    expect(receiver.spans).toEqual([]);
    server.child.kill('SIGTERM');
    expect(await server.exit).toBe(0);
    output = server.output();
  });
  afterAll(() => {
    receiver.close();
  });

  test('spans have been sent at the stop, with the headers and the resource of the environment', () => {
    expect(receiver.headers[0]).toMatchObject({ 'x-tenant': 't1' });
    const { resource } = requestSpan('photo');
    expect(resource).toMatchObject({
      'service.name': 'tfjs-serving',
      'service.version': expect.any(String),
      'deployment.environment.name': 'test',
    });
  });

  test('a request goes on with the trace of its client', () => {
    expect(requestSpan('photo')).toMatchObject({
      name: 'POST /models/:name/classify',
      traceId: TRACE,
      parent: PARENT,
      kind: 2,
      status: 0,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/models/:name/classify',
        'http.response.status_code': 200,
        'url.path': '/models/photos/classify',
        'url.scheme': 'http',
      },
    });
  });

  test('its stages follow each other within it', () => {
    const request = requestSpan('photo');
    const stages = below(request);

    expect(stages.map(({ name }) => name)).toEqual(['preprocess', 'queue', 'infer', 'postprocess']);
    let last = request.from;
    for (const { from, to, attributes, kind } of stages) {
      expect(from).toBeGreaterThanOrEqual(last);
      expect(to).toBeGreaterThanOrEqual(from);
      expect(kind).toBe(1);
      expect(attributes).toMatchObject({
        'tfjs_serving.model.name': 'photos',
        'tfjs_serving.model.version': 1,
      });
      last = to;
    }
    expect(request.to).toBeGreaterThanOrEqual(last);
  });

  test('two requests that run together have links to the span of their batch, and it to them', () => {
    const requests = [requestSpan('first'), requestSpan('second')];
    const infers = requests.map((request) => childOf(request, 'infer'));
    const batches = receiver.spans.filter(
      ({ name, attributes }) =>
        name === 'batch' && attributes['tfjs_serving.model.name'] === 'pairs',
    );

    expect(new Set(requests.map(({ traceId }) => traceId)).size).toBe(2);
    expect(batches).toHaveLength(1);
    const [batch] = batches;
    expect(batch?.attributes).toMatchObject({
      'tfjs_serving.batch.rows': 2,
      'tfjs_serving.batch.requests': 2,
    });
    const ids = infers.map(({ spanId }) => spanId);
    expect([...batch!.links].sort()).toEqual([...ids].sort());
    expect(ids).toContain(batch?.parent);
    for (const { links, attributes } of infers) {
      expect(links).toEqual([batch?.spanId]);
      expect(attributes).toMatchObject({ 'tfjs_serving.batch.rows': 2 });
    }
  });

  test('a request that its client does not record is not recorded', () => {
    const ids = receiver.spans.map(({ attributes }) => attributes['tfjs_serving.request.id']);
    expect(ids).not.toContain('unsampled');
    const photos = receiver.spans.filter(
      ({ name, attributes }) =>
        name === 'batch' && attributes['tfjs_serving.model.name'] === 'photos',
    );
    expect(photos).toHaveLength(1);
  });

  test('errors mark the span of the stage, and tell the code', () => {
    const broken = requestSpan('broken');
    expect(broken.attributes).toMatchObject({ 'error.type': 'UNDECODABLE_IMAGE' });
    expect(below(broken)).toMatchObject([
      { name: 'preprocess', status: 2, attributes: { 'error.type': 'UNDECODABLE_IMAGE' } },
    ]);
    const negative = requestSpan('negative');
    expect(childOf(negative, 'queue')).toMatchObject({ status: 0 });
    const infer = childOf(negative, 'infer');
    expect(infer).toMatchObject({ status: 2, attributes: { 'error.type': 'INFERENCE_FAILED' } });
    expect(below(infer)).toMatchObject([{ name: 'batch', status: 2 }]);
  });

  test('an address where nothing is has no route, and its query is not told', () => {
    const span = receiver.spans.find(({ attributes }) => attributes['url.path'] === '/nothing');

    expect(span).toMatchObject({ name: 'GET', attributes: { 'http.response.status_code': 404 } });
    expect(span?.attributes).not.toHaveProperty(['http.route']);
    const values = receiver.spans.map(({ attributes }) => Object.values(attributes));
    expect(JSON.stringify(values)).not.toContain('secret');
  });

  test('the log has the trace of a request', () => {
    const line = output.split('\n').find((text) => text.includes('"id":"first"'));
    expect(JSON.parse(line!)).toMatchObject({ traceId: requestSpan('first').traceId });
  });
});

test('nothing of the SDK is loaded where the environment names no receiver', async () => {
  const [server, url] = await start({ OTEL_SERVICE_NAME: 'other' });
  const answers = await Promise.all([
    predict(url, 'pairs', 1, 'first'),
    predict(url, 'pairs', 2, 'second'),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);

  // The API is that of prom-client.
  expect(await loaded(server)).toEqual(['@opentelemetry/api']);
});

test('a receiver that is not there is logged, and requests are answered', async () => {
  const receiver = await startTraceReceiver();
  receiver.close();
  const [server, url] = await start({
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces`,
    OTEL_BSP_SCHEDULE_DELAY: '1',
    OTEL_EXPORTER_OTLP_TIMEOUT: '500',
  });
  expect((await fetch(`${url}/v2/health/live`)).status).toBe(200);

  expect(await server.line('traces')).toMatchObject({ level: 'error' });
  expect((await fetch(`${url}/v2/health/live`)).status).toBe(200);
  server.child.kill('SIGTERM');
  expect(await server.exit).toBe(0);
});
