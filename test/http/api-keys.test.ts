import { once } from 'node:events';
import { connect } from 'node:net';

import request from 'supertest';

import type { AppDeps } from '../../src/http/app';
import { ApiKeys } from '../../src/http/access/api-keys';
import { listen, type HttpServer } from '../../src/http/server';
import type { ImageUseCase } from '../../src/inference/image-inference';
import type { ModelManager } from '../../src/models/model-manager';
import { imageClassification } from '../../src/tasks/image-classification/task';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics';
import { createBareApps } from '../support/bare-app';
import { testBodies } from '../support/bodies';
import { registeredRoutes } from '../support/express-routes';
import { keyEntry, keySpecs, secretOf } from '../support/keys';
import { A_PHOTO, A_PHOTO_AND_A_STYLE } from '../support/inputs';
import { resultOf, TIMINGS } from '../support/predictions';

const SERVER = { host: '127.0.0.1', port: 0, requestTimeoutMs: 60_000, keepAliveTimeoutMs: 60_000 };
const PNG = { 'Content-Type': 'image/png' };

/** Every model is there; "slow" answers when the test says so. */
let answerSlow: () => void;
const inference: ImageUseCase = {
  admit: () => ({ task: imageClassification, inputs: A_PHOTO }),
  answer: async ({ model, images }) => {
    if (model === 'slow') await new Promise<void>((resolve) => (answerSlow = resolve));
    return {
      model,
      version: 1,
      results: images.map((image) => resultOf(image, () => 'label')),
      timings: TIMINGS,
    };
  },
};

let close: (() => void)[];
let metrics: Metrics;
let lines: Record<string, any>[];

beforeEach(() => {
  close = [];
  lines = [];
});
afterEach(async () => {
  for (const one of close) one();
  await Promise.resolve();
});

/** A server on a socket, with these keys. */
async function serve(
  entries: readonly object[],
  overrides: Partial<AppDeps> = {},
): Promise<{ url: string; admin: string; keys: ApiKeys; apps: ReturnType<typeof createBareApps> }> {
  metrics = createMetrics();
  const keys = new ApiKeys(keySpecs(...entries), metrics.keyImages);
  const apps = createBareApps({
    inference,
    bodies: testBodies({ maxBodyBytes: 10_000_000, maxFileBytes: 1_000_000, maxFiles: 8 }),
    metrics,
    keys,
    modelControl: true,
    adminAccess: { host: '127.0.0.1', token: undefined, keys },
    logger: logTo(lines),
    ...overrides,
  });
  const servers: HttpServer[] = [await listen(apps.app, SERVER), await listen(apps.admin, SERVER)];
  close.push(apps.close, () => {
    metrics.close();
    for (const server of servers) {
      server.destroy();
      void server.close();
    }
  });
  const [url = '', admin = ''] = servers.map((server) => server.url);
  return { url, admin, keys, apps };
}

function logTo(kept: Record<string, any>[]): AppDeps['logger'] {
  const { pino } = jest.requireActual<typeof import('pino')>('pino');
  return pino({ level: 'debug' }, { write: (line: string) => kept.push(JSON.parse(line)) });
}

const bearer = (name: string): Record<string, string> => ({
  Authorization: `Bearer ${secretOf(name)}`,
});

/** Every address that is registered, with a model in the place of its parameter. */
function addresses(apps: ReturnType<typeof createBareApps>, model: string): [string, string][] {
  return registeredRoutes(apps.app).map((route) => {
    const [method = '', path = ''] = route.split(' ');
    const filled = path
      .replace('{name}', model)
      .replace('{version}', '1')
      .replace('{label}', 'stable')
      .replace('{asset}', 'start.js');
    return [method.toLowerCase(), filled];
  });
}

function ask(url: string, method: string, path: string, headers: Record<string, string> = {}) {
  const agent = request(url);
  const made =
    method === 'get' ? agent.get(path) : method === 'put' ? agent.put(path) : agent.post(path);
  return made.set(headers);
}

const OPEN = /^\/(v2\/health\/(live|ready)|openapi\.json|docs|assets\/.*)?$/;

describe('without a key', () => {
  test('health and documents are open, and every other address answers 401 in its own form', async () => {
    const { url, apps } = await serve([keyEntry('a')]);

    const all = addresses(apps, 'm');
    expect(all.length).toBeGreaterThan(40);
    for (const [method, path] of all) {
      const { status, headers, body, type } = await ask(url, method, path);
      const at = `${method} ${path}`;
      if (OPEN.test(path)) {
        expect(`${at} ${status}`).toMatch(/ (200|404|503)$/);
        continue;
      }
      expect(`${at} ${status}`).toBe(`${at} 401`);
      expect(headers['www-authenticate']).toMatch(/^Bearer realm=/);
      expect(headers['x-error-code']).toBe('UNAUTHENTICATED');
      if (/^\/v[12]/.test(path)) expect(Object.keys(body as object)).toEqual(['error']);
      else expect([at, type]).toEqual([at, 'application/problem+json']);
    }
  });

  test.each([
    ['another key', { Authorization: 'Bearer other' }],
    ['another scheme', { Authorization: `Basic ${secretOf('a')}` }],
    ['the hash of the key', { 'X-Api-Key': (keyEntry('a') as { sha256: string }).sha256 }],
    ['the beginning of the key', { 'X-Api-Key': secretOf('a').slice(0, -1) }],
    ['a key in the query of the address', {}],
  ])('%s is none', async (_what, headers) => {
    const { url } = await serve([keyEntry('a')]);

    const { status, text } = await request(url)
      .get(`/models?key=${secretOf('a')}`)
      .set(headers);

    expect(status).toBe(401);
    expect(text).not.toContain(secretOf('a'));
  });

  test('nothing is read of a body: the answer comes while it is still to be sent', async () => {
    const { url } = await serve([keyEntry('a')]);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');

    socket.write(
      'POST /models/m/classify HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 9000000\r\n\r\n',
    );
    const [first] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();

    expect(first.toString()).toMatch(/^HTTP\/1\.1 401 /);
  });
});

describe('with a key', () => {
  test.each([
    ['Authorization', { Authorization: `Bearer ${secretOf('a')}` }],
    ['authorization in another case', { Authorization: `bearer ${secretOf('a')}` }],
    ['X-Api-Key', { 'X-Api-Key': secretOf('a') }],
    [
      'X-Api-Key beside what a proxy wants',
      { 'X-Api-Key': secretOf('a'), Authorization: 'Basic eA==' },
    ],
  ])('%s opens everything but metrics and administration', async (_what, headers) => {
    const { url } = await serve([keyEntry('a')]);

    const statuses: number[] = [];
    for (const path of ['/models', '/v2', '/v2/models/stats', '/metrics']) {
      statuses.push((await request(url).get(path).set(headers)).status);
    }
    const index = await request(url).post('/v2/repository/index').set(headers);

    expect(statuses).toEqual([200, 200, 200, 403]);
    expect(index.status).toBe(403);
    expect(index.body.error).toMatch(/has the scope infer; this needs admin/);
  });

  test('models that it does not name are refused at every address, in the form of the address', async () => {
    const { url, apps } = await serve([
      keyEntry('a', { models: ['other', 'img-*'], scopes: ['infer', 'admin', 'metrics'] }),
    ]);

    const named = addresses(apps, 'secret-model').filter(([, path]) =>
      path.includes('secret-model'),
    );
    expect(named.length).toBeGreaterThan(30);
    for (const [method, path] of named) {
      const { status, text } = await ask(url, method, path, bearer('a'));
      expect(`${path} ${status}`).toBe(`${path} 403`);
      expect(text).toContain('may not use the model');
    }
  });

  test('a name that is written in another way is the same name', async () => {
    const { url } = await serve([keyEntry('a', { models: ['allowed'] })]);

    for (const path of [
      '/models/%73ecret',
      '/MODELS/secret',
      '/v2/models/secret/',
      '/V1/models/secret',
    ]) {
      const { status } = await request(url).get(path).set(bearer('a'));
      expect(`${path} ${status}`).toBe(`${path} 403`);
    }
  });

  test('scopes open metrics and administration, on the admin port too', async () => {
    const { url, admin } = await serve([
      keyEntry('scraper', { scopes: ['metrics'] }),
      keyEntry('operator', { scopes: ['admin'] }),
    ]);

    const scraped = await request(url).get('/metrics').set(bearer('scraper'));
    const inferred = await request(url).get('/models').set(bearer('scraper'));
    const listed = await Promise.all(
      [url, admin].map((at) => request(at).post('/v2/repository/index').set(bearer('operator'))),
    );
    const refused = await Promise.all(
      [url, admin].map((at) => request(at).post('/v2/repository/index')),
    );

    expect([scraped.status, inferred.status]).toEqual([200, 403]);
    expect(listed.map(({ status }) => status)).toEqual([200, 200]);
    expect(refused.map(({ status }) => status)).toEqual([401, 401]);
    expect((await request(admin).get('/v2/health/live')).status).toBe(200);
  });

  test('the admin token goes on opening administration, and nothing else', async () => {
    const token = '0123456789abcdef';
    const { url } = await serve([keyEntry('a')], { adminAccess: { host: '0.0.0.0', token } });

    const index = await request(url)
      .post('/v2/repository/index')
      .set('Authorization', `Bearer ${token}`);
    const models = await request(url).get('/models').set('Authorization', `Bearer ${token}`);

    expect([index.status, models.status]).toEqual([200, 401]);
  });

  test('metrics are open where that was chosen', async () => {
    const { url } = await serve([keyEntry('a')], { metricsAccess: 'open' });

    expect((await request(url).get('/metrics')).status).toBe(200);
  });
});

describe('limits', () => {
  test('requests a minute: 429 with Retry-After, and what is left in every answer', async () => {
    const { url } = await serve([keyEntry('a', { requestsPerMinute: 2 }), keyEntry('b')]);

    const first = await request(url).get('/models').set(bearer('a'));
    const second = await request(url).get('/models').set(bearer('a'));
    const third = await request(url).get('/v1/models/m').set(bearer('a'));
    const other = await request(url).get('/models').set(bearer('b'));

    expect([first, second, third, other].map(({ status }) => status)).toEqual([200, 200, 429, 200]);
    expect(first.headers['ratelimit-policy']).toBe('"requests";q=2;w=60');
    expect(first.headers.ratelimit).toBe('"requests";r=1;t=0');
    expect(third.headers['x-error-code']).toBe('RATE_LIMITED');
    expect(Number(third.headers['retry-after'])).toBeGreaterThanOrEqual(25);
    expect(third.body.error).toBe('The key "a" may make 2 requests a minute');
    expect(other.headers).not.toHaveProperty('ratelimit');
  });

  test('images a minute: style pictures count too', async () => {
    const { url } = await serve([keyEntry('a', { imagesPerMinute: 4 })], {
      inference: {
        ...inference,
        admit: () => ({ task: imageClassification, inputs: A_PHOTO_AND_A_STYLE }),
      },
    });

    const answer = await request(url)
      .post('/models/m/classify')
      .set(bearer('a'))
      .attach('image', Buffer.from('x'), 'a.png')
      .attach('image', Buffer.from('x'), 'b.png')
      .attach('style', Buffer.from('x'), 's.png');

    expect(answer.status).toBe(200);
    expect(answer.headers.ratelimit).toMatch(/^"images";r=1;t=0$/);
  });

  test('images a minute: those of a request are counted when they are known, and owed', async () => {
    const { url } = await serve([keyEntry('a', { imagesPerMinute: 4 })]);
    const classify = (images: number) => {
      const form = request(url).post('/models/m/classify').set(bearer('a'));
      for (let i = 0; i < images; i++) form.attach('image', Buffer.from('x'), 'a.png');
      return form;
    };

    const first = await classify(3);
    const second = await classify(3);
    const third = await classify(1);
    const status = await request(url).get('/models').set(bearer('a'));

    expect([first.status, second.status, third.status]).toEqual([200, 200, 429]);
    expect(first.headers.ratelimit).toMatch(/^"images";r=1;t=0$/);
    expect(third.headers['retry-after']).toBe('45');
    expect(status.status).toBe(200);
  });

  test('requests at once: the place is given back with the answer', async () => {
    const { url } = await serve([keyEntry('a', { concurrentRequests: 1 })]);
    const classify = (model: string) =>
      request(url)
        .post(`/models/${model}/classify`)
        .set({ ...PNG, ...bearer('a') })
        .send(Buffer.from('x'));

    const slow = classify('slow').then(({ status }) => status);
    let second = await classify('quick');
    while (second.status === 200) second = await classify('quick');
    answerSlow();
    expect(second.status).toBe(429);
    expect(second.headers['retry-after']).toBe('1');
    expect(await slow).toBe(200);
    let third = await classify('quick');
    while (third.status === 429) third = await classify('quick');
    expect(third.status).toBe(200);
  });

  test('other keys are taken without a restart, and one that stays keeps what it used', async () => {
    const { url, keys } = await serve([keyEntry('a', { requestsPerMinute: 1 }), keyEntry('gone')]);
    await request(url).get('/models').set(bearer('a')).expect(200);

    keys.replace(keySpecs(keyEntry('a', { requestsPerMinute: 1 }), keyEntry('new')));

    const statuses = await Promise.all(
      ['a', 'gone', 'new'].map((name) => request(url).get('/models').set(bearer(name))),
    );
    expect(statuses.map(({ status }) => status)).toEqual([429, 401, 200]);
    expect(() => {
      keys.replace(keySpecs(keyEntry('x'), keyEntry('x')));
    }).toThrow();
    await request(url).get('/models').set(bearer('new')).expect(200);
  });
});

test('logs and metrics have the name of a key, and never the key', async () => {
  const { url } = await serve([keyEntry('shop', { scopes: ['infer', 'metrics'] })]);
  await request(url)
    .post('/models/m/classify')
    .set({ ...PNG, ...bearer('shop') })
    .send(Buffer.from('x'))
    .expect(200);
  await request(url).get('/models/none').set(bearer('shop')).expect(404);

  const { text } = await request(url).get('/metrics').set(bearer('shop'));

  expect(text).toContain('tfjs_serving_api_key_requests_total{key="shop",status="200"} 1');
  expect(text).toContain('tfjs_serving_api_key_requests_total{key="shop",status="404"} 1');
  expect(text).toContain('tfjs_serving_api_key_images_total{key="shop"} 1');
  expect(lines.filter(({ key }) => key === 'shop').length).toBeGreaterThanOrEqual(2);
  expect(JSON.stringify(lines) + text).not.toContain(secretOf('shop'));
});

test('the document names the schemes, and which addresses need them', async () => {
  const { url } = await serve([keyEntry('a')]);
  const { body } = await request(url).get('/openapi.json').expect(200);

  expect(body.components.securitySchemes).toMatchObject({
    apiKey: { type: 'http', scheme: 'bearer' },
    apiKeyHeader: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
  });
  const need = [{ apiKey: [] }, { apiKeyHeader: [] }];
  const { paths } = body;
  expect(paths['/models/{name}/classify'].post.security).toEqual(need);
  expect(paths['/v1/models/{name}:predict'].post.security).toEqual(need);
  expect(paths['/metrics'].get.security).toEqual(need);
  expect(paths['/v2/repository/index'].post.security).toEqual([{ adminToken: [] }, ...need]);
  expect(paths['/v2/health/live'].get).not.toHaveProperty('security');
  expect(Object.keys(paths['/v2/models/{name}/infer'].post.responses)).toEqual(
    expect.arrayContaining(['401', '403', '429']),
  );
});

test('the document has the models that take more, but not where keys are asked for', async () => {
  const spec = { imageTask: imageClassification, inputs: A_PHOTO_AND_A_STYLE };
  const version = { state: 'AVAILABLE', version: 1, spec };
  const status = { name: 'secret-styles', servables: [version] };
  const manager = { list: () => [status] } as unknown as ModelManager;
  const path = '/models/secret-styles/classify';

  const open = await serve([], { manager, keys: undefined });
  const { text, body } = await request(open.url).get('/openapi.json').expect(200);
  expect(text).toContain('secret-styles');
  expect(body.paths).toHaveProperty([path]);

  const { url } = await serve([keyEntry('a')], { manager });
  const closed = await request(url).get('/openapi.json').expect(200);
  expect(closed.text).not.toMatch(/secret/);
  expect(closed.body.paths).toHaveProperty(['/models/{name}/classify']);
});
