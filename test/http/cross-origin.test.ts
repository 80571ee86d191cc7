import request from 'supertest';

import type { AppDeps } from '../../src/http/app';
import { HEADER_NAMES } from '../../src/http/openapi/headers';
import { listen, type HttpServer } from '../../src/http/server';
import type { ImageUseCase } from '../../src/inference/image-inference';
import { imageToImage } from '../../src/tasks/image-to-image/task';
import { createBareApps } from '../support/bare-app';
import { testBodies } from '../support/bodies';
import { keyEntry, secretOf, testKeys } from '../support/keys';
import { A_PHOTO } from '../support/inputs';
import { TIMINGS } from '../support/predictions';

const SERVER = { host: '127.0.0.1', port: 0, requestTimeoutMs: 60_000, keepAliveTimeoutMs: 60_000 };
const APP = 'https://app.example.org';
const OTHER = 'https://other.example';

/** Answers with a picture. */
const inference: ImageUseCase = {
  admit: () => ({ task: imageToImage, inputs: A_PHOTO }),
  answer: ({ model }) =>
    Promise.resolve({
      model,
      version: 1,
      timings: TIMINGS,
      results: [
        {
          ok: true,
          timings: TIMINGS,
          batchRows: 1,
          value: {
            data: {},
            picture: { bytes: Buffer.from('picture'), format: 'png', width: 1, height: 1 },
          },
        },
      ],
    }),
};

let servers: HttpServer[];
let close: () => void;

afterEach(() => {
  for (const server of servers) {
    server.destroy();
    void server.close();
  }
  close();
});

async function serve(
  corsOrigins: readonly string[],
  overrides: Partial<AppDeps> = {},
): Promise<string[]> {
  const apps = createBareApps({
    inference,
    bodies: testBodies({ maxBodyBytes: 1000, maxFileBytes: 1000, maxFiles: 2 }),
    modelControl: true,
    corsOrigins,
    ...overrides,
  });
  ({ close } = apps);
  servers = [await listen(apps.app, SERVER), await listen(apps.admin, SERVER)];
  return servers.map(({ url }) => url);
}

function preflight(url: string, path: string, origin: string, method = 'POST') {
  return request(url).options(path).set({
    Origin: origin,
    'Access-Control-Request-Method': method,
    'Access-Control-Request-Headers': 'content-type,x-api-key',
  });
}

const PATHS = [
  ['post', '/models/m/generate'],
  ['post', '/models/m/similarity'],
  ['post', '/v1/models/m:predict'],
  ['post', '/v2/models/m/infer'],
  ['get', '/models'],
  ['get', '/metrics'],
  ['get', '/openapi.json'],
  ['get', '/docs'],
  ['get', '/v2/health/live'],
  ['get', '/nothing'],
] as const;

test('without the option nothing is said, and OPTIONS is a method that is not allowed', async () => {
  const [url = ''] = await serve([]);

  for (const [, path] of PATHS) {
    const { status, headers } = await preflight(url, path, APP);
    expect(`${path} ${status}`).toMatch(/ (400|404|405)$/);
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  }
});

test('a preflight is answered at every address, without a key', async () => {
  const [url = ''] = await serve([APP], { keys: testKeys(keyEntry('a')) });

  for (const [, path] of PATHS) {
    const { status, headers } = await preflight(url, path, APP);
    expect(`${path} ${status}`).toBe(`${path} 204`);
    expect(headers['access-control-allow-origin']).toBe(APP);
    expect(headers['access-control-allow-methods']).toBe('GET,HEAD,POST,PUT');
    expect(headers['access-control-allow-headers']).toBe('content-type,x-api-key');
    expect(headers['access-control-max-age']).toBe('600');
    expect(headers.vary).toContain('Origin');
  }
});

test('answers of every kind can be read, refusals among them, with every header that answers have', async () => {
  const [url = ''] = await serve([APP], { keys: testKeys(keyEntry('a')) });

  for (const [method, path] of PATHS) {
    const agent = request(url);
    const { headers } = await (method === 'get' ? agent.get(path) : agent.post(path)).set(
      'Origin',
      APP,
    );
    expect([path, headers['access-control-allow-origin']]).toEqual([path, APP]);
    expect(String(headers['access-control-expose-headers']).split(',')).toEqual([...HEADER_NAMES]);
  }
});

test('a picture too, and what is in its headers is among those that pages may see', async () => {
  const [url = ''] = await serve(['*'], {
    keys: testKeys(keyEntry('a', { requestsPerMinute: 5 })),
  });

  const { status, headers, body } = await request(url)
    .post('/models/m/generate')
    .set({ Origin: APP, 'Content-Type': 'image/png', 'X-Api-Key': secretOf('a') })
    .send(Buffer.from('x'));

  expect([status, body.toString()]).toEqual([200, 'picture']);
  expect(headers['access-control-allow-origin']).toBe('*');
  const exposed = String(headers['access-control-expose-headers']).toLowerCase().split(',');
  const own = ['x-request-id', 'server-timing', 'x-model-version', 'ratelimit', 'ratelimit-policy'];
  expect(Object.keys(headers)).toEqual(expect.arrayContaining(own));
  expect(exposed).toEqual(expect.arrayContaining([...own, 'retry-after', 'x-error-code']));
});

test('other origins are told nothing, and a cache is told that it matters', async () => {
  const [url = ''] = await serve([APP]);

  for (const origin of [
    OTHER,
    'null',
    `${APP}.attacker.example`,
    'http://app.example.org',
    `${APP}:444`,
  ]) {
    const { headers } = await request(url).get('/models').set('Origin', origin);
    const { headers: before } = await preflight(url, '/models', origin, 'GET');
    for (const answered of [headers, before]) {
      expect(answered).not.toHaveProperty('access-control-allow-origin');
      expect(answered.vary).toContain('Origin');
    }
  }
});

test('an origin may be written with capitals and the port that goes without saying', async () => {
  const [url = ''] = await serve(['HTTPS://App.Example.org:443']);

  const { headers } = await request(url).get('/models').set('Origin', APP);

  expect(headers['access-control-allow-origin']).toBe(APP);
});

test('the model repository API is never opened, on its own port nor on this one', async () => {
  const [url = '', admin = ''] = await serve(['*']);

  for (const at of [url, admin]) {
    for (const path of ['/v2/repository/index', '/v2/repository/models/m/load']) {
      const before = await preflight(at, path, APP);
      const { status, headers } = await request(at).post(path).set('Origin', APP);
      expect([before.status, status]).toEqual([403, 403]);
      expect(before.headers).not.toHaveProperty('access-control-allow-origin');
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    }
  }
  const { headers } = await request(admin).get('/v2/health/live').set('Origin', APP);
  expect(headers).not.toHaveProperty('access-control-allow-origin');
});

test('OPTIONS that is not a preflight is answered as any method that an address does not have', async () => {
  const [url = ''] = await serve(['*']);

  const { status, headers } = await request(url).options('/models').set('Origin', APP);

  expect(status).toBe(405);
  expect(headers.allow).toBe('GET, HEAD');
});
