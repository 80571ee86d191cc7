import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { gzipSync } from 'node:zlib';

import { ServingError } from '../../src/kernel/errors';
import { createApp } from '../../src/http/app';
import type { ImageAnswer, ImageRequest } from '../../src/inference/image-request';
import type { Admitted, ImageUseCase } from '../../src/inference/image-inference';
import { ModelManager } from '../../src/models/model-manager';
import { imageClassification } from '../../src/tasks/image-classification/task';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics';
import { testBodies, type TestBodiesOptions } from '../support/bodies';
import { resultOf, TIMINGS } from '../support/predictions';
import { A_PHOTO } from '../support/inputs';

const LIMITS = { maxBodyBytes: 100_000, maxFileBytes: 100_000, maxFiles: 3 };

/** Answers every image with the number of its bytes; knows no model called "missing". */
class CountingInference implements ImageUseCase {
  answer({ model, images }: ImageRequest): Promise<ImageAnswer> {
    const results = images.map((image) => resultOf(image, ({ length }) => String(length)));
    return Promise.resolve({ model, version: 1, results, timings: TIMINGS });
  }

  admit(model: string): Admitted {
    if (model !== 'missing') return { task: imageClassification, inputs: A_PHOTO };
    throw new ServingError('MODEL_NOT_FOUND', 'There is no such model');
  }
}

let metrics: Metrics;
let server: Server;
let sockets: Socket[];

async function serve(options: Partial<TestBodiesOptions> = {}): Promise<void> {
  metrics = createMetrics();
  const manager = new ModelManager({
    repository: '',
    only: [],
    loadConcurrency: 1,
    defaults: {
      instances: 1,
      maxBatchSize: 1,
      batchSizeSteps: 'fine',
      maxQueueDelayMs: 0,
      maxQueueSize: 1,
      queueTimeoutMs: 1,
    },
    runtime: { runTimeoutMs: 1, loadTimeoutMs: 1, place: () => [] },
  });
  const app = createApp({
    manager,
    metrics,
    inference: new CountingInference(),
    tensors: {
      admit: () => undefined,
      infer: () => {
        throw new Error('not used here');
      },
    },
    bodies: testBodies({ ...LIMITS, ...options }),
    logger: createLogger('silent', 'json'),
    draining: () => false,
  });
  sockets = [];
  server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server.closeAllConnections();
  server.close();
  metrics.close();
});

/** A connection on which a request is written by hand. */
interface Client {
  readonly write: (text: string | Buffer) => void;
  /** Status line and body of the answer, as soon as it has come whole. */
  readonly answer: () => Promise<{ readonly status: number; readonly text: string }>;
}

function open(): Client {
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let received = '';
  socket.on('data', (data) => {
    received += data.toString('latin1');
  });
  socket.on('error', () => undefined);
  return {
    write: (text) => socket.write(text),
    answer: async () => {
      for (;;) {
        const head = received.indexOf('\r\n\r\n');
        const length = /content-length: (\d+)/i.exec(received)?.[1];
        if (head >= 0 && received.length >= head + 4 + Number(length ?? Infinity)) {
          return { status: Number(received.slice(9, 12)), text: received };
        }
        await Promise.race([once(socket, 'data'), once(socket, 'close')]);
        if (socket.destroyed && !received.includes('\r\n\r\n'))
          throw new Error('closed without an answer');
      }
    },
  };
}

const head = (model: string, ...headers: string[]): string =>
  [
    `POST /models/${model}/classify HTTP/1.1`,
    'Host: test',
    'Content-Type: image/jpeg',
    ...headers,
    '',
    '',
  ].join('\r\n');

const chunk = (bytes: number): string => `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;

function photo(bytes = 10): Promise<Response> {
  const { port } = server.address() as AddressInfo;
  return fetch(`http://127.0.0.1:${port}/models/m/classify`, {
    method: 'POST',
    headers: { 'Content-Type': 'image/jpeg' },
    body: Buffer.alloc(bytes),
  });
}

test('bodies that do not come hold no place that others need', async () => {
  await serve({ maxInFlightRequests: 2 });
  const slow = Array.from({ length: 20 }, () => open());
  for (const client of slow) client.write(head('m', 'Content-Length: 1000') + 'x');

  const quick = await Promise.all([photo(), photo()]);

  expect(quick.map(({ status }) => status)).toEqual([200, 200]);
  // One after the other: there are only two places for bodies that are complete.
  for (const client of slow) {
    client.write('x'.repeat(999));
    const { status, text } = await client.answer();
    expect([status, text.includes('"1000"')]).toEqual([200, true]);
  }
});

test('where the bytes of all requests are too many the youngest is told so, and the oldest answered', async () => {
  await serve({ maxBytesInFlight: 100_000 });
  const [old, young] = [open(), open()];
  old.write(head('m', 'Transfer-Encoding: chunked') + chunk(40_000));
  young.write(head('m', 'Transfer-Encoding: chunked') + chunk(40_000));
  // Both have been read when a later request is answered.
  expect((await photo()).status).toBe(200);
  old.write(chunk(40_000));

  const refused = await young.answer();
  old.write('0\r\n\r\n');
  const answered = await old.answer();

  expect(refused.status).toBe(429);
  expect(refused.text).toMatch(/retry-after: 1/i);
  expect(refused.text).toMatch(/holds 80000 bytes of requests, and 100000 are allowed/);
  expect([answered.status, answered.text.includes('"80000"')]).toEqual([200, true]);
});

test('an announced body that would not fit is refused before it is read', async () => {
  await serve({ maxBytesInFlight: 60_000 });
  const client = open();

  client.write(head('m', 'Content-Length: 60001'));

  expect((await client.answer()).status).toBe(429);
  expect((await photo(50_000)).status).toBe(200);
  // The bytes of an answered request are given back.
  expect((await photo(50_000)).status).toBe(200);
});

test.each([
  ['a model that does not exist', head('missing', 'Content-Length: 90000'), 404],
  ['a version that is not a number', head('m/versions/x', 'Content-Length: 90000'), 400],
  ['too long a body', head('m', 'Content-Length: 100001'), 413],
])('%s is judged before the body', async (_what, request, status) => {
  await serve();
  const client = open();

  client.write(`${request}x`);

  expect((await client.answer()).status).toBe(status);
});

test('a client that goes on sending reads why it was refused', async () => {
  await serve();
  const client = open();
  client.write(head('missing', 'Content-Length: 3000000'));

  for (let sent = 0; sent < 30; sent++) client.write(Buffer.alloc(50_000));

  expect((await client.answer()).status).toBe(404);
});

test.each([
  ['gzip of zeros', gzipSync(Buffer.alloc(50_000_000)), 413, /inflate to more than/],
  ['gzip over the limit', gzipSync(Buffer.from(randomText(150_000))), 413, /over the limit/],
  ['no gzip', Buffer.from('plain'), 400, /incorrect header check/],
  [
    'half of a gzip',
    gzipSync(Buffer.from(randomText(5000))).subarray(0, 500),
    400,
    /unexpected end/,
  ],
])('%s is refused', async (_what, body, status, reason) => {
  await serve({
    maxBodyBytes: 100_000_000,
    maxFileBytes: /zeros/.test(_what) ? 100_000_000 : 100_000,
  });
  const client = open();

  client.write(head('m', 'Content-Encoding: gzip', `Content-Length: ${body.length}`));
  client.write(body);

  const answer = await client.answer();
  expect(answer.status).toBe(status);
  expect(answer.text).toMatch(reason);
});

test('what is compressed well within reason is inflated', async () => {
  await serve();
  const client = open();
  const body = gzipSync(Buffer.alloc(90_000));

  client.write(head('m', 'Content-Encoding: gzip', `Content-Length: ${body.length}`));
  client.write(body);

  expect((await client.answer()).text).toContain('"90000"');
});

test('a form that is not the gzip it says, or of more files than allowed, is refused at once', async () => {
  await serve();
  const part = '--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\nx\r\n';
  const form = (headers: string): string =>
    `POST /models/m/classify HTTP/1.1\r\nHost: test\r\nContent-Type: multipart/form-data; boundary=b\r\n${headers}\r\n\r\n`;
  const [compressed, many] = [open(), open()];

  compressed.write(form('Content-Encoding: gzip\r\nContent-Length: 5') + 'xxxxx');
  // It never ends.
  many.write(form('Content-Length: 90000') + part.repeat(5));

  expect(await compressed.answer()).toMatchObject({
    status: 400,
    text: expect.stringContaining('incorrect header check'),
  });
  expect(await many.answer()).toMatchObject({
    status: 413,
    text: expect.stringContaining('TOO_MANY_IMAGES'),
  });
});

function randomText(bytes: number): string {
  let state = 1;
  return Array.from({ length: bytes }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return String.fromCharCode(33 + ((state >> 16) % 90));
  }).join('');
}
