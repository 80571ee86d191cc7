import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';

import express, { type Express } from 'express';
import request from 'supertest';

import { ServingError } from '../../src/kernel/errors';
import { createApp, type AppDeps } from '../../src/http/app';
import { healthRoutes } from '../../src/http/routes/health';
import type { ImageAnswer, ImageRequest } from '../../src/inference/image-request';
import type { Admitted, ImageUseCase } from '../../src/inference/image-inference';
import { ModelManager } from '../../src/models/model-manager';
import { imageClassification } from '../../src/tasks/image-classification/task';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics';
import { testBodies } from '../support/bodies';
import { resultOf, TIMINGS } from '../support/predictions';
import { makeRepository, removeFolder } from '../support/service';
import { A_PHOTO } from '../support/inputs';

const LIMITS = { maxBodyBytes: 20_000, maxFileBytes: 10_000, maxFiles: 3, maxInFlightRequests: 2 };

/** Stands in for the models: notes what it was asked and answers as told. */
class FakeInference implements ImageUseCase {
  readonly requests: ImageRequest[] = [];
  reply: (request: ImageRequest) => Promise<ImageAnswer> = (asked) =>
    Promise.resolve({
      model: asked.model,
      version: asked.version ?? 3,
      timings: TIMINGS,
      results: asked.images.map((image) =>
        resultOf(image, (bytes) => Buffer.from(bytes).toString()),
      ),
    });

  /** Every model is there, and classifies. */
  admit(): Admitted {
    return { task: imageClassification, inputs: A_PHOTO };
  }

  answer(asked: ImageRequest): Promise<ImageAnswer> {
    this.requests.push(asked);
    return this.reply(asked);
  }
}

let repository: string;
let manager: ModelManager;
let metrics: Metrics;
let inference: FakeInference;
let app: Express;

function createTestApp(overrides: Partial<AppDeps> = {}): Express {
  return createApp({
    manager,
    inference,
    tensors: {
      admit: () => undefined,
      infer: () => {
        throw new Error('not used here');
      },
    },
    metrics,
    logger: createLogger('silent', 'json'),
    bodies: testBodies(LIMITS),
    draining: () => false,
    ...overrides,
  });
}

beforeAll(async () => {
  repository = await makeRepository({});
});
afterAll(() => removeFolder(repository));

beforeEach(() => {
  metrics = createMetrics();
  inference = new FakeInference();
  manager = new ModelManager({
    repository,
    only: [],
    loadConcurrency: 1,
    defaults: {
      instances: 1,
      maxBatchSize: 1,
      batchSizeSteps: 'powers-of-two',
      maxQueueDelayMs: 0,
      maxQueueSize: 1,
      queueTimeoutMs: 1,
    },
    runtime: { runTimeoutMs: 1, loadTimeoutMs: 1, place: () => [] },
  });
  app = createTestApp();
});
afterEach(() => {
  metrics.close();
});

const labels = (body: { results: { predictions: { label: string }[] }[] }): string[] =>
  body.results.map(({ predictions }) => predictions[0]?.label ?? '');

describe('reading images', () => {
  test('all files of a form arrive in order, other fields are skipped', async () => {
    const { body } = await request(app)
      .post('/models/m/classify')
      .field('comment', 'holiday')
      .attach('image', Buffer.from('one'), 'a.jpg')
      .attach('image', Buffer.from('two'), 'b.jpg')
      .expect(200);

    expect(labels(body)).toEqual(['one', 'two']);
    expect(inference.requests[0]).toMatchObject({ model: 'm' });
  });

  test('JSON takes one image or several, with line breaks, padding or not', async () => {
    const text = 'a picture of fifty bytes, so that base64 has breaks!';
    const b64 = Buffer.from(text).toString('base64');
    const broken = b64.replace(/.{20}/g, '$&\r\n');

    const one = await request(app).post('/models/m/versions/7/classify').send({ image: { b64 } });
    const several = await request(app)
      .post('/models/m/classify')
      .send({ images: [{ b64: broken }, { b64: b64.replace(/=+$/, '') }] });

    expect([labels(one.body), one.body.version]).toEqual([[text], 7]);
    expect(labels(several.body)).toEqual([text, text]);
  });

  test('what is not base64 is the fault of its image alone', async () => {
    const good = Buffer.from('good').toString('base64');

    const { body } = await request(app)
      .post('/models/m/classify')
      .send({ images: [{ b64: good }, { b64: 'not base64!' }] })
      .expect(200);

    expect(body.results[0].predictions[0].label).toBe('good');
    expect(body.results[1].error).toMatchObject({
      code: 'BAD_REQUEST',
      detail: 'The value of "b64" is not base64',
    });
  });

  test.each([
    ['no body', {}, 400],
    [{ picture: { b64: '' } }, {}, 400],
    [{ images: [] }, {}, 400],
    ['[1,', { 'Content-Type': 'application/json' }, 400],
    ['{}', { 'Content-Type': 'application/json; charset=latin-9' }, 415],
    ['x', { 'Content-Type': 'image/jpeg', 'Content-Encoding': 'rot13' }, 415],
    ['--x\r\n', { 'Content-Type': 'multipart/form-data; boundary=x' }, 400],
  ])('%j is refused', async (body, headers, status) => {
    const response = await request(app)
      .post('/models/m/classify')
      .set(headers)
      .send(body === 'no body' ? undefined : body)
      .expect(status);

    expect(response.body.detail).not.toBe('');
    expect(inference.requests).toHaveLength(0);
  });

  test('limits hold for files, for their number and for all together', async () => {
    const send = (...sizes: number[]) =>
      sizes.reduce(
        (form, size) => form.attach('image', Buffer.alloc(size), 'x.png'),
        request(app).post('/models/m/classify'),
      );

    expect((await send(10_001)).body).toMatchObject({ status: 413, code: 'PAYLOAD_TOO_LARGE' });
    expect((await send(9000, 9000, 9000)).body).toMatchObject({
      status: 413,
      code: 'PAYLOAD_TOO_LARGE',
    });
    expect((await send(1, 1, 1, 1)).body).toMatchObject({ status: 413, code: 'TOO_MANY_IMAGES' });
    expect((await send(9000, 9000)).status).toBe(200);
  });

  test('a form that never says its length is counted as it comes', async () => {
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const status = await new Promise((resolve, reject) => {
      const call = httpRequest(
        {
          port,
          method: 'POST',
          path: '/models/m/classify',
          headers: { 'Content-Type': 'multipart/form-data; boundary=b' },
        },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      call.on('error', reject);
      for (let i = 0; i < 3; i++) {
        call.write(
          `--b\r\nContent-Disposition: form-data; name="image"; filename="${String(i)}"\r\n\r\n`,
        );
        call.write(Buffer.alloc(9000));
        call.write('\r\n');
      }
      call.end('--b--\r\n');
    });
    server.closeAllConnections();
    server.close();

    expect(status).toBe(413);
    expect(inference.requests).toHaveLength(0);
  });
});

describe('answers', () => {
  test('an unexpected failure is 500 with a request id, without a word of what it was', async () => {
    inference.reply = () => Promise.reject(new Error('password in /etc/secret'));

    const { body, headers, text } = await request(app)
      .post('/models/m/classify')
      .attach('image', Buffer.from('x'), 'x');

    expect(body).toMatchObject({
      status: 500,
      code: 'INTERNAL',
      requestId: headers['x-request-id'],
    });
    expect(text).not.toMatch(/password|secret|\.ts|\.js/);
  });

  test('a fault of the only image is the answer, with its status', async () => {
    inference.reply = ({ model }) =>
      Promise.resolve({
        model,
        version: 1,
        timings: TIMINGS,
        results: [
          { ok: false, error: new ServingError('UNDECODABLE_IMAGE', 'The JPEG file is damaged') },
        ],
      });

    const { body, type } = await request(app)
      .post('/models/m/classify')
      .attach('image', Buffer.from('x'), 'x')
      .expect(422);

    expect(type).toBe('application/problem+json');
    expect(body).toMatchObject({
      code: 'UNDECODABLE_IMAGE',
      detail: 'The JPEG file is damaged',
      retriable: false,
    });
  });

  test('Retry-After goes with what may be tried again', async () => {
    inference.reply = () =>
      Promise.reject(new ServingError('OVERLOADED', 'full', { retryAfterS: 7 }));

    const response = await request(app)
      .post('/models/m/classify')
      .attach('image', Buffer.from('x'), 'x');

    expect(response.status).toBe(429);
    expect(response.headers['retry-after']).toBe('7');
  });

  test('a request id that could break a log or a header is replaced', async () => {
    const kept = await request(app).get('/v2/health/live').set('X-Request-Id', 'abc-123');
    const replaced = await request(app).get('/v2/health/live').set('X-Request-Id', 'x y"');

    expect(kept.headers['x-request-id']).toBe('abc-123');
    expect(replaced.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('more requests than the server takes at once are refused before their bodies are read', async () => {
    const release: (() => void)[] = [];
    const plain = inference.reply;
    inference.reply = async (asked) => {
      await new Promise<void>((resolve) => release.push(resolve));
      return plain(asked);
    };
    const send = async (): Promise<number> =>
      (
        await request(app)
          .post('/models/m/classify')
          .set('Content-Type', 'image/png')
          .send(Buffer.from('x'))
      ).status;
    const held = [send(), send()];
    while (release.length < 2) await new Promise((resolve) => setImmediate(resolve));

    const refused = await request(app)
      .post('/models/m/classify')
      .set('Content-Type', 'image/png')
      .set('Connection', 'keep-alive')
      .send(Buffer.from('x'));
    for (const go of release) go();

    expect(refused.status).toBe(429);
    // A short body is skipped: the connection can be used again.
    expect(refused.headers.connection).not.toBe('close');
    expect(await Promise.all(held)).toEqual([200, 200]);
    const after = send();
    while (release.length < 3) await new Promise((resolve) => setImmediate(resolve));
    release[2]?.();
    expect(await after).toBe(200);
  });
});

describe('health', () => {
  test('live at once, ready once the repository has been read', async () => {
    expect((await request(app).get('/v2/health/live')).body).toEqual({ live: true });
    expect((await request(app).get('/v2/health/ready')).status).toBe(503);

    await manager.sync();

    expect((await request(app).get('/v2/health/ready')).body).toEqual({ ready: true });
  });

  test.each([
    [true, 200],
    [false, 503],
  ])('live: %s is answered %d', async (live, status) => {
    const health = express().use(healthRoutes({ live, ready: false }, () => false));

    const response = await request(health).get('/v2/health/live');

    expect({ status: response.status, body: response.body }).toEqual({ status, body: { live } });
  });

  test('not ready while draining', async () => {
    await manager.sync();

    const response = await request(createTestApp({ draining: () => true })).get('/v2/health/ready');

    expect(response.status).toBe(503);
  });
});

test('a wrong method is told the right ones', async () => {
  const removed = await request(app).delete('/models/m/classify');
  const post = await request(app).post('/models');

  expect([removed.status, removed.headers.allow]).toEqual([405, 'POST, PUT']);
  expect([post.status, post.headers.allow]).toEqual([405, 'GET, HEAD']);
});

test('a client that leaves is dropped without a word on the console', async () => {
  const written = jest.spyOn(console, 'error').mockImplementation(() => undefined);
  const asked = new Promise<AbortSignal>((resolve) => {
    inference.reply = ({ signal }) =>
      new Promise((_answer, reject) => {
        if (signal === undefined) return;
        signal.addEventListener('abort', () => {
          reject(new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request'));
          resolve(signal);
        });
        call.destroy();
      });
  });
  // Express keeps quiet in tests only.
  app.set('env', 'production');
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const call = httpRequest({
    port,
    method: 'POST',
    path: '/models/m/classify',
    headers: { 'Content-Type': 'image/jpeg' },
  });
  call.on('error', () => undefined);
  call.end('bytes');

  const signal = await asked;
  // The error has some turns of the event loop to go.
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  server.closeAllConnections();
  server.close();

  expect(signal.aborted).toBe(true);
  expect(written).not.toHaveBeenCalled();
  written.mockRestore();
});
