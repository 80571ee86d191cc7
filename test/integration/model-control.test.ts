import { rm } from 'node:fs/promises';
import path from 'node:path';

import type { Service } from '../../src/compose';
import { configSchema, type Config } from '../../src/config/schema';
import {
  addVersion,
  makeRepository,
  removeFolder,
  startTestService,
  toy,
} from '../support/service';

const HALF = toy('half_plus_two', { warmup: { enabled: false } });
let service: Service | undefined;
let repository: string;

beforeEach(async () => {
  repository = await makeRepository({ two: HALF, other: HALF });
});
afterEach(async () => {
  await service?.stop();
  await removeFolder(repository);
});

async function start(config: Partial<Config> = {}): Promise<Service> {
  service = await startTestService({ modelRepository: repository, ...config });
  return service;
}

interface Answer {
  readonly status: number;
  readonly body: any;
}

async function post(url: string | undefined, address: string, body?: object): Promise<Answer> {
  const response = await fetch(`${url ?? ''}${address}`, {
    method: 'POST',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

async function statesIn(url: string | undefined): Promise<Record<string, string>> {
  const { body } = await post(url, '/v2/repository/index');
  return Object.fromEntries(body.map(({ name, state }: any) => [name, state]));
}

function infer(url: string, model: string): Promise<Answer> {
  return post(url, `/v2/models/${model}/infer`, {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [2] }],
  });
}

describe('explicit', () => {
  test('models come and go on request', async () => {
    const { url } = await start({ modelControl: 'explicit', models: ['two'] });
    expect(await statesIn(url)).toEqual({ two: 'READY', other: 'UNAVAILABLE' });
    expect((await fetch(`${url}/v2/models/other/ready`)).status).toBe(503);

    expect(await post(url, '/v2/repository/models/other/load', {})).toEqual({
      status: 200,
      body: undefined,
    });
    expect((await infer(url, 'other')).body.outputs[0].data).toEqual([3]);

    expect((await post(url, '/v2/repository/models/other/unload')).status).toBe(200);
    expect(await infer(url, 'other')).toMatchObject({
      status: 404,
      body: { error: expect.stringContaining('not loaded') },
    });
    expect((await post(url, '/v2/repository/index', { ready: true })).body).toEqual([
      { name: 'two', version: '1', state: 'READY', reason: '' },
    ]);
    expect((await post(url, '/v2/repository/models/other/load')).status).toBe(200);
    expect((await infer(url, 'other')).status).toBe(200);
  });

  test('a folder that came later is in the index, and can be loaded', async () => {
    const { url } = await start({ modelControl: 'explicit' });
    await addVersion(repository, 'late', 1, HALF);

    expect((await statesIn(url)).late).toBe('UNAVAILABLE');
    expect((await post(url, '/v2/repository/models/late/load')).status).toBe(200);
    expect((await statesIn(url)).late).toBe('READY');
  });

  test('a new version is taken over by loading the model again', async () => {
    const { url } = await start({ modelControl: 'explicit' });
    await addVersion(repository, 'two', 7, HALF);

    await post(url, '/v2/repository/models/two/load', { parameters: {} });

    expect((await infer(url, 'two')).body.model_version).toBe('7');
  });

  test('a model that cannot be loaded says why', async () => {
    const { url } = await start({ modelControl: 'explicit', models: ['two'] });
    await rm(path.join(repository, 'other/1/saved_model.pb'));

    const loaded = await post(url, '/v2/repository/models/other/load');

    expect(loaded.status).toBe(400);
    expect(loaded.body.error).toMatch(/other/);
    expect((await statesIn(url)).other).toBe('UNAVAILABLE');
    expect((await infer(url, 'two')).status).toBe(200);
  });

  test('a load that cannot be done as it is asked for is refused', async () => {
    const { url } = await start({ modelControl: 'explicit', models: ['two'] });
    const load = (model: string, body: object): Promise<Answer> =>
      post(url, `/v2/repository/models/${model}/load`, body);
    const refused = (status: number, error: RegExp): Answer => ({
      status,
      body: { error: expect.stringMatching(error) },
    });

    expect(await load('missing', {})).toEqual(refused(404, /"missing"/));
    expect(await load('two', { parameters: { config: '{}' } })).toEqual(
      refused(400, /"config" is not supported/),
    );
    expect(await load('two', { parameters: { 'file:1/model': 'eA==' } })).toEqual(
      refused(400, /"file:1\/model" is not supported/),
    );
    expect(await load('two', { parameters: 3 })).toEqual(refused(400, /parameters/));
  });
});

test('with a token, models come and go for those who show it, on either port', async () => {
  const adminToken = '0123456789abcdef';
  const started = await start({
    modelControl: 'explicit',
    models: ['two'],
    adminPort: 0,
    adminToken,
  });
  const unload = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${started.adminUrl ?? ''}/v2/repository/models/two/unload`, { method: 'POST', headers });

  expect((await unload({})).status).toBe(401);
  expect((await infer(started.url, 'two')).status).toBe(200);
  expect((await unload({ Authorization: `Bearer ${adminToken}` })).status).toBe(200);
  expect((await infer(started.url, 'two')).status).toBe(404);
});

test('the repository is not polled unless that is asked for', () => {
  expect(configSchema.parse({}).modelControl).toBe('none');
});

test.each(['none', 'poll'] as const)(
  'with model control "%s" there is an index, and load and unload are refused',
  async (modelControl) => {
    const { url } = await start({ modelControl });

    expect(await statesIn(url)).toEqual({ two: 'READY', other: 'READY' });
    for (const action of ['load', 'unload']) {
      const { status, body } = await post(url, `/v2/repository/models/two/${action}`, {
        parameters: { unload_dependents: false },
      });
      expect(status).toBe(403);
      expect(body.error).toMatch(/not allowed.*modelControl explicit/);
    }
    expect((await infer(url, 'two')).status).toBe(200);
  },
);

describe('where it is', () => {
  test('on the port of everything else', async () => {
    const { url, adminUrl } = await start({ models: ['two'] });

    expect(adminUrl).toBeUndefined();
    const { extensions } = (await (await fetch(`${url}/v2`)).json()) as any;
    expect(extensions).toContain('model_repository');
  });

  test('nowhere when it is off', async () => {
    const { url, adminUrl } = await start({
      modelControlApi: 'off',
      adminPort: 0,
      models: ['two'],
    });

    expect(adminUrl).toBeUndefined();
    expect((await post(url, '/v2/repository/index')).status).toBe(404);
    const { extensions } = (await (await fetch(`${url}/v2`)).json()) as any;
    expect(extensions).not.toContain('model_repository');
  });

  test('on the admin port alone, with health and nothing else, until the server stops', async () => {
    const started = await start({ modelControl: 'explicit', adminPort: 0 });
    const { url, adminUrl } = started;

    expect((await post(url, '/v2/repository/index')).status).toBe(404);
    expect(await statesIn(adminUrl)).toEqual({ two: 'READY', other: 'READY' });
    expect((await post(adminUrl, '/v2/repository/models/two/unload')).status).toBe(200);
    expect((await infer(url, 'two')).status).toBe(404);
    expect((await fetch(`${adminUrl ?? ''}/v2/health/ready`)).status).toBe(200);
    expect(await infer(adminUrl ?? '', 'other')).toMatchObject({
      status: 404,
      body: { error: expect.stringContaining('on this port') },
    });

    await started.stop();
    service = undefined;
    await expect(fetch(`${adminUrl ?? ''}/v2/health/live`)).rejects.toThrow();
  });

  test('an admin port that is taken ends the start, and the first port is free again', async () => {
    const started = await start({ models: ['two'] });
    const taken = Number(new URL(started.url).port);

    await expect(
      startTestService({ modelRepository: repository, models: ['two'], adminPort: taken }),
    ).rejects.toThrow(/EADDRINUSE/);

    await started.stop();
    service = undefined;
  });
});
