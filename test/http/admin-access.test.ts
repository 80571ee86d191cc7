import type { Express } from 'express';
import request, { type Response } from 'supertest';

import type { AdminAccess } from '../../src/http/middleware/admin-guard';
import { createBareApps } from '../support/bare-app';

const TOKEN = '0123456789abcdef';
const LOCAL: AdminAccess = { host: '127.0.0.1', token: undefined };
const OPEN: AdminAccess = { host: '0.0.0.0', token: undefined };
const GUARDED: AdminAccess = { host: '0.0.0.0', token: TOKEN };

let close: () => void;

afterEach(() => {
  close();
});

/** The application of the public port and that of the admin port. */
function apps(adminAccess?: AdminAccess): [Express, Express] {
  const made = createBareApps({ adminAccess, modelControl: true });
  close = made.close;
  return [made.app, made.admin];
}

/** Asks the index of both ports. */
function ask(
  access: AdminAccess | undefined,
  headers: Record<string, string>,
): Promise<Response[]> {
  return Promise.all(
    apps(access).map((app) => request(app).post('/v2/repository/models/m/load').set(headers)),
  );
}

/** Past the guard: the model is not loaded for another reason. */
const PASSED = 'MODEL_CONTROL_NOT_ALLOWED';

async function codes(access: AdminAccess, headers: Record<string, string>): Promise<string[]> {
  const answers = await ask(access, headers);
  return answers.map(({ headers: answered }) => String(answered['x-error-code']));
}

describe('on the loopback interface without a token', () => {
  test.each([
    'localhost:8080',
    '127.0.0.1',
    '[::1]:8080',
    'LOCALHOST',
    'a.localhost:1',
    '127.8.9.1',
  ])('a request to %s passes', async (host) => {
    expect(await codes(LOCAL, { Host: host })).toEqual([PASSED, PASSED]);
  });

  test.each([
    'attacker.example:8080',
    '127.0.0.1.attacker.example',
    'localhost.example',
    '10.0.0.1',
  ])('a request to %s, a name that was made to lead here, does not', async (host) => {
    const [first, second] = await ask(LOCAL, { Host: host });

    for (const answer of [first, second]) {
      expect(answer?.status).toBe(403);
      expect(answer?.headers['x-error-code']).toBe('FORBIDDEN');
      expect(answer?.body.error).toMatch(/adminToken/);
    }
  });
});

describe.each<[string, AdminAccess, Record<string, string>]>([
  ['without a token', LOCAL, {}],
  ['with a token', GUARDED, { Authorization: `Bearer ${TOKEN}` }],
])('a web page, %s,', (_what, access, headers) => {
  test.each([
    ['http://localhost:8080', 'localhost:8080'],
    ['http://localhost', 'localhost:80'],
    ['https://localhost', 'localhost:443'],
    ['http://LOCALHOST:8080', 'localhost:8080'],
  ])('of the origin %s may use %s', async (origin, host) => {
    expect(await codes(access, { ...headers, Origin: origin, Host: host })).toEqual([
      PASSED,
      PASSED,
    ]);
  });

  test.each([
    ['https://attacker.example', 'localhost:8080'],
    ['http://localhost:3000', 'localhost:8080'],
    ['http://localhost', 'localhost:8080'],
    ['null', 'localhost:8080'],
    ['file://', 'localhost:8080'],
    ['', 'localhost:8080'],
  ])('of the origin %j may not use %s', async (origin, host) => {
    expect(await codes(access, { ...headers, Origin: origin, Host: host })).toEqual([
      'FORBIDDEN',
      'FORBIDDEN',
    ]);
  });
});

test('open to others without a token it is closed, and says what opens it', async () => {
  const answers = await ask(OPEN, { Host: 'localhost' });

  for (const { status, body } of answers) {
    expect(status).toBe(403);
    expect(body.error).toMatch(/needs the option adminToken \(TFJS_SERVING_ADMIN_TOKEN\)/);
  }
});

describe('with a token', () => {
  test.each(['Bearer', 'bearer', 'BEARER'])('it passes as %s', async (scheme) => {
    const headers = { Authorization: `${scheme} ${TOKEN}`, Host: 'serving.example' };

    expect(await codes(GUARDED, headers)).toEqual([PASSED, PASSED]);
  });

  test.each<[string, Record<string, string>]>([
    ['nothing', {}],
    ['another token', { Authorization: 'Bearer 0123456789abcdeX' }],
    ['the beginning of it', { Authorization: 'Bearer 0123456789' }],
    ['an empty token', { Authorization: 'Bearer ' }],
    ['another scheme', { Authorization: `Basic ${TOKEN}` }],
  ])('%s is answered 401 with what is wanted', async (_what, headers) => {
    for (const { status, headers: answered, text } of await ask(GUARDED, headers)) {
      expect(status).toBe(401);
      expect(answered['www-authenticate']).toBe('Bearer realm="model repository"');
      expect(answered['x-error-code']).toBe('UNAUTHENTICATED');
      expect(text).not.toContain(TOKEN);
    }
  });

  test('the index and unload want it too, and everything else does not', async () => {
    const [app] = apps(GUARDED);

    const statuses = await Promise.all([
      ...['/v2/repository/index', '/v2/repository/models/m/unload'].map((address) =>
        request(app).post(address),
      ),
      ...['/v2', '/v2/health/live', '/models', '/openapi.json'].map((address) =>
        request(app).get(address),
      ),
    ]).then((answers) => answers.map(({ status }) => status));

    expect(statuses).toEqual([401, 401, 200, 200, 200, 200]);
  });
});

test('an application that is told nothing takes itself for one on the loopback interface', async () => {
  const answers = await ask(undefined, { Host: 'attacker.example' });

  expect(answers.map(({ status }) => status)).toEqual([403, 403]);
});
