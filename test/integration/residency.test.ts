import { readdir } from 'node:fs/promises';
import path from 'node:path';

import type { Service } from '../../src/compose';
import type { Config } from '../../src/config/schema';
import { memoryOfProcesses } from '../../src/models/residency/resident-memory';
import { instancesOf, until } from '../support/instance-processes';
import {
  addVersion,
  makeRepository,
  removeFolder,
  startTestService,
  toy,
} from '../support/service';

/** Models that are loaded by their first request, on the real TensorFlow. */

const MIB = 1024 * 1024;
const ON_DEMAND = { residency: 'onDemand' };
const half = (config: object): ReturnType<typeof toy> => toy('half_plus_two', config);

let service: Service | undefined;
let repository: string;
let cache: string;

beforeEach(async () => {
  cache = await makeRepository({});
});
afterEach(async () => {
  await service?.stop();
  await Promise.all([repository, cache].map(removeFolder));
});

async function start(
  models: Parameters<typeof makeRepository>[0],
  config: Partial<Config> = {},
): Promise<string> {
  repository = await makeRepository(models);
  service = await startTestService({ modelRepository: repository, cache, ...config });
  return service.url;
}

interface Answer {
  readonly status: number;
  readonly body: any;
}

async function ask(url: string, address: string, body?: object): Promise<Answer> {
  const response = await fetch(url + address, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

function infer(url: string, model: string, x = 2): Promise<Answer> {
  return ask(url, `/v2/models/${model}/infer`, {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [x] }],
  });
}

function processesOf(model: string): number[] {
  return instancesOf(path.join(repository, model, '1')).map(({ id }) => id);
}

test('nothing is loaded before it is asked for, and the server is ready all the same', async () => {
  const url = await start({ a: half(ON_DEMAND), b: half(ON_DEMAND) });

  expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
  expect(processesOf('a')).toEqual([]);
  expect(await ask(url, '/models')).toMatchObject({
    body: { models: [{ name: 'a', versions: [{ state: 'START', onDemand: true }] }, {}] },
  });
  expect(await ask(url, '/v2/repository/index', {})).toMatchObject({
    body: [{ name: 'a', state: 'UNAVAILABLE', reason: 'not resident' }, {}],
  });
  expect(await ask(url, '/v1/models/a')).toMatchObject({
    body: { model_version_status: [{ state: 'START', status: { error_message: 'not resident' } }] },
  });
  // A client that asks before it sends must not wait for ever.
  expect(await ask(url, '/v2/models/a/ready')).toMatchObject({
    status: 200,
    body: { ready: true },
  });

  expect((await infer(url, 'a')).body.outputs[0].data).toEqual([3]);

  expect(processesOf('a')).toHaveLength(1);
  expect(processesOf('b')).toEqual([]);
});

test.each([
  ['predict', '/v1/models/a:predict', { instances: [2] }, { predictions: [3] }],
  [
    'metadata of TensorFlow Serving',
    '/v1/models/a/metadata',
    undefined,
    { model_spec: { name: 'a' } },
  ],
  ['metadata', '/v2/models/a', undefined, { name: 'a', inputs: [{ name: 'x' }] }],
  ['a version', '/v2/models/a/versions/1', undefined, { name: 'a' }],
])('%s loads it too', async (_what, address, body, expected) => {
  const url = await start({ a: half(ON_DEMAND) });

  expect(await ask(url, address, body)).toMatchObject({ status: 200, body: expected });
});

test('a request for what there is not loads nothing', async () => {
  const url = await start({ a: half(ON_DEMAND) });

  expect((await infer(url, 'b')).status).toBe(404);
  expect((await ask(url, '/v2/models/a/versions/2/infer', { inputs: [] })).status).toBe(404);
  expect(processesOf('a')).toEqual([]);
});

test('more models than there is room for answer every request, within their room', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const room = 220 * MIB;
  const url = await start(
    { ...Object.fromEntries(names.map((name) => [name, half(ON_DEMAND)])), stays: half({}) },
    { maxResidentMemory: room },
  );
  const stays = processesOf('stays');

  const answers: Answer[] = [];
  // Twice, so that those that went come again.
  for (const name of [...names, ...names]) {
    answers.push(...(await Promise.all([4, 6].map((x) => infer(url, name, x)))));
  }

  expect(answers.map(({ body }) => body.outputs?.[0].data[0])).toEqual(
    [...names, ...names].flatMap(() => [4, 5]),
  );
  const there = names.flatMap(processesOf);
  expect(there.length).toBeGreaterThan(0);
  expect(there.length).toBeLessThan(names.length);
  expect(await memoryOfProcesses([...there, ...stays])).toBeLessThan(room);
  // What stays was not touched.
  expect(processesOf('stays')).toEqual(stays);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const evictions = [...metrics.matchAll(/_model_evictions_total\{.*reason="room"\} (\d+)/g)];
  expect(evictions.length).toBeGreaterThan(0);
  expect(metrics).toMatch(/_model_loads_total\{model="a",version="1",reason="request"\} [12]/);
  expect(metrics).toMatch(/_model_loads_total\{model="stays",version="1",reason="repository"\} 1/);
  // Measured once, known for the next start.
  expect(await readdir(path.join(cache, 'needs'))).not.toEqual([]);
});

test('requests that come together for models that do not fit together are all answered', async () => {
  const names = ['a', 'b', 'c', 'd'];
  const url = await start(Object.fromEntries(names.map((name) => [name, half(ON_DEMAND)])), {
    maxResidentMemory: 150 * MIB,
  });

  const answers = await Promise.all(
    [1, 2, 3, 4, 5].flatMap((x) => names.map((name) => infer(url, name, x))),
  );

  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
});

test('a model that does not fit is refused with what it needs', async () => {
  const url = await start(
    { a: half({ ...ON_DEMAND, instances: 8 }) },
    { maxResidentMemory: 400 * MIB },
  );

  const { status, body } = await infer(url, 'a');

  expect(status).toBe(507);
  expect(body.error).toMatch(/^Model a needs \d+ MiB of memory/);
  expect(processesOf('a')).toEqual([]);
});

test('one that nobody asks for is unloaded, and comes again', async () => {
  const url = await start({ a: half({ residency: { idle: '1s' } }) });
  await infer(url, 'a');
  expect(processesOf('a')).toHaveLength(1);

  await until(() => processesOf('a').length === 0);

  expect((await infer(url, 'a')).body.outputs[0].data).toEqual([3]);
});

test('one that cannot be loaded says why, and is not tried for every request', async () => {
  const url = await start({ a: toy('lost_variables', ON_DEMAND), b: half({}) });

  const first = await infer(url, 'a');
  const second = await infer(url, 'a');

  expect(first.status).toBe(503);
  expect(first.body.error).toMatch(/^Model a cannot be served: /);
  expect(second).toEqual(first);
  expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
});

test('a new version takes its place in memory when it is asked for; a removed model goes', async () => {
  const url = await start({ a: half(ON_DEMAND) });
  await infer(url, 'a');
  await addVersion(repository, 'a', 2, toy('half_plus_three'));
  await service?.reload();

  const { body } = await infer(url, 'a');

  expect([body.model_version, body.outputs[0].data]).toEqual(['2', [4]]);
  expect(processesOf('a')).toEqual([]);
  await removeFolder(path.join(repository, 'a'));
  await service?.reload();
  expect((await infer(url, 'a')).status).toBe(404);
});

test('explicit control brings it into memory, and takes it out', async () => {
  const url = await start(
    { a: half(ON_DEMAND), b: half({}) },
    { modelControl: 'explicit', models: ['b'] },
  );
  expect((await infer(url, 'a')).status).toBe(404);

  await fetch(`${url}/v2/repository/models/a/load`, { method: 'POST' });
  expect(processesOf('a')).toHaveLength(1);
  await fetch(`${url}/v2/repository/models/a/unload`, { method: 'POST' });

  expect(processesOf('a')).toEqual([]);
  expect((await infer(url, 'a')).status).toBe(404);
});

test('a stop while a model is coming ends it, and its requests', async () => {
  const url = await start({ a: half({ ...ON_DEMAND, warmup: { iterations: 100 } }) });
  const waiting = infer(url, 'a').catch(() => undefined);
  await until(() => processesOf('a').length > 0);

  await service?.stop();

  await waiting;
  expect(processesOf('a')).toEqual([]);
});
