import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';

import express from 'express';
import pino from 'pino';
import sharp from 'sharp';

import { createServing, ServingError, type ModelHooks, type Serving } from '../../src/index';
import { makeRepository, photo, removeFolder, shippedModel, toy } from '../support/service';

const COFFEE = readFileSync(photo('coffee.jpg'));
const CAT = readFileSync(photo('chelsea.jpg'));

let repository: string;
let serving: Serving;
let server: Server;
let base: string;
let logged: Record<string, unknown>[];

/** What the hooks of `hooked` do in a test. */
let hooks: ModelHooks;

beforeAll(async () => {
  repository = await makeRepository({
    classifier: shippedModel('efficientnet-lite0'),
    hooked: shippedModel('efficientnet-lite0'),
    enlarger: shippedModel('span-x2'),
    half: toy('half_plus_two'),
  });
  logged = [];
  const log = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(JSON.parse(chunk.toString()));
      done();
    },
  });
  serving = createServing({
    modelRepository: repository,
    instances: 1,
    hookTimeoutMs: 500,
    logger: pino({ level: 'warn' }, log),
    hooks: {
      hooked: {
        preprocess: (image, context) => hooks.preprocess?.(image, context) ?? image,
        postprocess: (outputs, context) => hooks.postprocess?.(outputs, context),
        authorize: (request) => hooks.authorize?.(request) ?? true,
      },
    },
  });
  await serving.start();
  const app = express();
  app.use('/ml', serving.router);
  app.get('/ml/own', (_request, response) => response.send('not of the library'));
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ml`;
});
afterAll(async () => {
  server.close();
  expect(await serving.stop()).toBe(true);
  await removeFolder(repository);
});
beforeEach(() => {
  hooks = {};
  logged.length = 0;
});

function post(
  path: string,
  body: NonNullable<RequestInit['body']>,
  headers = {},
): Promise<Response> {
  return fetch(`${base}${path}`, { method: 'POST', body, headers });
}

async function jsonOf(answer: Response | Promise<Response>): Promise<any> {
  return (await answer).json();
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const thrown: unknown = await work.then(() => undefined).catch((error: unknown) => error);
  return thrown instanceof ServingError ? thrown.code : String(thrown);
}

describe('the use cases without HTTP', () => {
  test('models() tells what is there', () => {
    expect(serving.ready).toBe(true);
    expect(serving.models()).toContainEqual({ name: 'half', ready: true, versions: [1] });
  });

  test('classify answers labels', async () => {
    const { predictions, model, version } = await serving.classify(COFFEE, {
      model: 'classifier',
      top: 2,
    });

    expect({ model, version }).toEqual({ model: 'classifier', version: 1 });
    expect(predictions).toHaveLength(2);
    expect(predictions[0]).toMatchObject({ label: 'espresso', index: 967 });
  });

  test('generate answers a picture in the format that is asked for', async () => {
    const small = await sharp(COFFEE).resize(60).toBuffer();

    const { bytes, mediaType, width } = await serving.generate(small, {
      model: 'enlarger',
      format: 'webp',
    });

    expect({ mediaType, width }).toEqual({ mediaType: 'image/webp', width: 120 });
    expect((await sharp(bytes).metadata()).format).toBe('webp');
  });

  test('predict takes and answers tensors', async () => {
    const { outputs } = await serving.predict(
      { x: { shape: [3], data: Float32Array.of(1, 2, 3) } },
      { model: 'half' },
    );

    expect(outputs).toEqual({
      y: { datatype: 'FP32', shape: [3], data: Float32Array.of(2.5, 3, 3.5) },
    });
  });

  test.each([
    [
      'a model that is not there',
      () => serving.classify(COFFEE, { model: 'x' }),
      'MODEL_NOT_FOUND',
    ],
    ['another task', () => serving.detect(COFFEE, { model: 'classifier' }), 'WRONG_TASK'],
    [
      'a parameter out of range',
      () => serving.classify(COFFEE, { model: 'classifier', top: 0 }),
      'BAD_REQUEST',
    ],
    [
      'what is no image',
      () => serving.classify(Buffer.from('no image'), { model: 'classifier' }),
      'UNSUPPORTED_IMAGE_FORMAT',
    ],
    [
      'a shape that does not fit its elements',
      () => serving.predict({ x: { shape: [2], data: Float32Array.of(1) } }, { model: 'half' }),
      'INVALID_INPUT',
    ],
  ])('%s is refused with a code', async (_what, call, code) => {
    expect(await codeOf(call())).toBe(code);
  });
});

describe('the router', () => {
  test('answers below where it is mounted', async () => {
    const answer = await post('/models/classifier/classify?top=1', COFFEE);

    expect((await jsonOf(answer)).results[0].predictions[0].label).toBe('espresso');
    expect((await fetch(`${base}/v2/health/ready`)).status).toBe(200);
    expect((await fetch(`${base}/docs`)).status).toBe(200);
  });

  test('passes on what it does not know', async () => {
    expect(await (await fetch(`${base}/own`)).text()).toBe('not of the library');
    expect((await fetch(`${base}/nobodys`)).status).toBe(404);
  });

  test('has no model repository API without a token', async () => {
    expect((await post('/v2/repository/index', '')).status).toBe(404);
  });
});

describe('preprocess', () => {
  test.each([
    [
      'over HTTP',
      async () =>
        (await jsonOf(post('/models/hooked/classify?top=1', COFFEE))).results[0].predictions[0]
          .index,
    ],
    [
      'without HTTP',
      async () => (await serving.classify(COFFEE, { model: 'hooked' })).predictions[0]?.index,
    ],
    [
      'as a tensor of strings',
      async () => {
        const inputs = { images: { shape: [1], data: [COFFEE] } };
        const answer = await serving.predict(inputs, { model: 'hooked' });
        const [output] = Object.values(answer.outputs);
        const scores = output?.data as Float32Array;
        return scores.indexOf(Math.max(...scores));
      },
    ],
  ])('decides what the model sees: %s', async (_way, ask) => {
    const expected = (await serving.classify(CAT, { model: 'classifier' })).predictions[0]?.index;
    const seen: unknown[] = [];
    hooks = {
      preprocess: (image, context) => {
        seen.push([Buffer.from(image).equals(COFFEE), context]);
        return CAT;
      },
    };

    expect(await ask()).toBe(expected);
    expect(seen).toEqual([[true, { model: 'hooked', version: 1 }]]);
  });
});

describe('postprocess', () => {
  test('sees the outputs of the signature and makes the answer', async () => {
    hooks = {
      postprocess: ([scores], { labels, answer }) => ({
        shape: scores?.shape,
        classes: labels?.length,
        best: (answer.predictions as { label: string }[])[0]?.label,
      }),
    };

    const answer = await post('/models/hooked/classify', COFFEE);

    expect((await jsonOf(answer)).results).toEqual([
      { shape: [1, 1000], classes: 1000, best: 'espresso' },
    ]);
  });

  test('leaves the answer as it is by undefined', async () => {
    hooks = { postprocess: () => undefined };

    const { predictions } = await serving.classify(COFFEE, { model: 'hooked' });
    expect(predictions[0]?.label).toBe('espresso');
  });
});

describe('authorize', () => {
  beforeEach(() => {
    hooks = { authorize: ({ headers }) => headers['x-key'] === 'open sesame' };
  });

  test.each([
    ['/models/hooked/classify', 'POST'],
    ['/MODELS/hooked/classify/', 'POST'],
    ['/models/%68ooked/versions/1/classify', 'POST'],
    ['/models/hooked', 'GET'],
    ['/v1/models/hooked:predict', 'POST'],
    ['/v1/models/hooked/versions/1/metadata', 'GET'],
    ['/v2/models/hooked/infer', 'POST'],
    ['/v2/models/hooked/ready', 'GET'],
  ])('%s is let through with the key alone', async (path, method) => {
    const body = method === 'POST' ? { body: COFFEE } : {};
    const ask = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${base}${path}`, { method, headers, ...body });

    expect((await ask({})).status).toBe(403);
    expect((await ask({ 'x-key': 'open sesame' })).status).not.toBe(403);
  });

  test('a request for another model is not asked about', async () => {
    expect((await post('/models/classifier/classify', COFFEE)).status).toBe(200);
  });

  test('may answer with a code of its own', async () => {
    hooks = {
      authorize: () => {
        throw new ServingError('UNAUTHENTICATED', 'Show your key');
      },
    };

    const answer = await post('/models/hooked/classify', COFFEE);

    expect(answer.status).toBe(401);
    expect(await jsonOf(answer)).toMatchObject({
      code: 'UNAUTHENTICATED',
      detail: 'Show your key',
    });
  });
});

describe('a hook that fails', () => {
  const fail = (): never => {
    throw new Error('the secret of the hook');
  };

  test.each<[string, ModelHooks]>([
    ['preprocess throws', { preprocess: fail }],
    [
      'preprocess rejects',
      { preprocess: () => Promise.reject(new Error('the secret of the hook')) },
    ],
    ['preprocess returns no image', { preprocess: () => 'text' as never }],
    ['preprocess never ends', { preprocess: () => new Promise(() => undefined) }],
    ['postprocess throws', { postprocess: fail }],
    ['postprocess returns no object', { postprocess: () => [] as never }],
    ['postprocess returns what JSON cannot say', { postprocess: () => ({ big: 1n }) }],
    ['authorize throws', { authorize: fail }],
  ])('fails its request alone, and is logged: %s', async (_how, failing) => {
    hooks = failing;

    const [answer, other] = await Promise.all([
      post('/models/hooked/classify', COFFEE),
      post('/models/classifier/classify', COFFEE),
    ]);

    const [hook] = Object.keys(failing);
    const problem = await jsonOf(answer);
    expect(answer.status).toBe(500);
    expect(problem).toMatchObject({
      code: 'HOOK_FAILED',
      detail: `The ${hook} hook of the model "hooked" failed`,
    });
    expect(JSON.stringify(problem)).not.toContain('secret');
    expect(other.status).toBe(200);
    expect(logged).toContainEqual(
      expect.objectContaining({ msg: 'hook failed', model: 'hooked', hook }),
    );
    hooks = {};
    expect((await post('/models/hooked/classify', COFFEE)).status).toBe(200);
  });

  test('fails one image of several', async () => {
    hooks = { preprocess: (image) => (Buffer.from(image).equals(CAT) ? fail() : image) };
    const form = new FormData();
    form.append('image', new Blob([COFFEE]), 'a');
    form.append('image', new Blob([CAT]), 'b');

    const { results } = await jsonOf(post('/models/hooked/classify', form));

    expect(results[0].predictions[0].label).toBe('espresso');
    expect(results[1].error.code).toBe('HOOK_FAILED');
  });
});

test('options that are wrong are told together, before anything runs', () => {
  expect(() =>
    createServing({ maxBatchSize: 0, port: 1 } as Parameters<typeof createServing>[0]),
  ).toThrow(/maxBatchSize: .*/);
  expect(() => createServing({ modelRepositry: 'x' } as object)).toThrow(
    /unknown option "modelRepositry"/,
  );
});

test('API keys hold for the router too', async () => {
  const guarded = createServing({
    modelRepository: repository,
    models: ['half'],
    apiKeys: [`app:${'0'.repeat(64)}`],
  });
  const other = createServer((request, response) => {
    guarded.router(request, response, () => response.end('passed on'));
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;

  const { status } = await fetch(`http://127.0.0.1:${port}/v2/models/half`);

  expect(status).toBe(401);
  other.close();
  await guarded.stop();
});
