import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { KnownNeeds } from '../../../../src/models/residency/known-needs';
import {
  ResidentModels,
  type ResidentModelsOptions,
} from '../../../../src/models/residency/resident-models';
import type { Servable } from '../../../../src/models/servable';
import { deferred } from '../../../../src/runtime/deferred';

/** A model whose process is its number. */
class Model {
  readonly version = 1;
  readonly directory = '/models';
  readonly revision: string;
  readonly onDemand = true;
  state = 'START';
  reason: string | undefined;

  constructor(
    readonly name: string,
    readonly process: number,
  ) {
    this.revision = name;
  }

  get processes(): number[] {
    return this.state === 'AVAILABLE' ? [this.process] : [];
  }
}

const LIMIT = 100;
const PATIENT = { waitMs: 30_000 };

/** The newest servable of each model. */
let current: Map<string, Model>;
let bytes: Map<string, number>;
let log: string[];
/** Loads that the test ends itself, by name. */
let slow: Map<string, Promise<unknown>>;
/** Names of models that cannot be loaded. */
let broken: Set<string>;
let models: ResidentModels;
let directory: string;

beforeEach(async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  directory = await mkdtemp(path.join(tmpdir(), 'needs-'));
  current = new Map();
  bytes = new Map();
  log = [];
  slow = new Map();
  broken = new Set();
});
afterEach(async () => {
  models.close();
  jest.useRealTimers();
  await rm(directory, { recursive: true, force: true });
});

function start(options: Partial<ResidentModelsOptions> = {}): void {
  const sizes = (processes: readonly number[]): number =>
    [...current.values()]
      .filter(({ process }) => processes.includes(process))
      .reduce((sum, { name }) => sum + (bytes.get(name) ?? 0), 0);
  models = new ResidentModels(
    {
      limit: LIMIT,
      needs: new KnownNeeds({ directory: undefined, runtime: '' }),
      measure: (processes) => Promise.resolve(sizes(processes)),
      estimate: ({ name }) => Promise.resolve(bytes.get(name) ?? 0),
      retryMs: 10_000,
      ...options,
    },
    {
      load: async (servable) => {
        const model = servable as unknown as Model;
        log.push(`load ${model.name}`);
        model.state = 'LOADING';
        await slow.get(model.name);
        model.state = broken.has(model.name) ? 'END' : 'AVAILABLE';
        if (broken.has(model.name)) model.reason = 'it is broken';
      },
      unload: (servable, reason) => {
        const model = servable as unknown as Model;
        log.push(`unload ${model.name} (${reason})`);
        model.state = 'END';
        return Promise.resolve();
      },
      renew: (servable) => {
        const { name, process } = servable as unknown as Model;
        const fresh = new Model(name, process);
        current.set(name, fresh);
        return fresh as unknown as Servable;
      },
      staying: () => [],
    },
  );
}

function add(name: string, size: number, idleMs?: number): void {
  const model = new Model(name, current.size + 1);
  current.set(name, model);
  bytes.set(name, size);
  models.add(model as unknown as Servable, { onDemand: true, idleMs });
}

function use(name: string, patience = PATIENT): Promise<() => void> {
  return models.use(current.get(name) as unknown as Servable, patience);
}

/** A request from its begin to its end. */
async function ask(name: string): Promise<void> {
  (await use(name))();
}

async function pass(ms = 0): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms);
  // Records of needs are files.
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('the first request loads, and the next ones find it there', async () => {
  start();
  add('a', 10);

  await ask('a');
  await ask('a');

  expect(log).toEqual(['load a']);
});

test('a hundred requests cause one load', async () => {
  start();
  add('a', 10);

  await Promise.all(Array.from({ length: 100 }, () => ask('a')));

  expect(log).toEqual(['load a']);
});

test('the one unused the longest gives way', async () => {
  start();
  for (const name of ['a', 'b', 'c']) add(name, 40);
  await ask('a');
  await pass(1);
  await ask('b');
  await pass(1);
  await ask('a');

  await ask('c');

  expect(log).toEqual(['load a', 'load b', 'unload b (room)', 'load c']);
});

test('one that is used stays until its requests have ended', async () => {
  start();
  add('a', 60);
  add('b', 60);
  const release = await use('a');
  const other = use('b');
  await pass(1000);
  expect(log).toEqual(['load a']);

  release();
  (await other)();

  expect(log).toEqual(['load a', 'unload a (room)', 'load b']);
});

test('one that is used without a pause gives way in turn, and comes again', async () => {
  start();
  add('a', 60);
  add('b', 60);
  const first = await use('a');
  const other = use('b');
  await pass(2000);
  // From now on requests for it wait.
  const second = use('a');
  await pass(10);
  expect(log).toEqual(['load a']);

  first();
  (await other)();
  (await second)();

  expect(log).toEqual(['load a', 'unload a (room)', 'load b', 'unload b (room)', 'load a']);
});

test('thirty models with room for five: every request is answered, in the order of its coming', async () => {
  start();
  const names = Array.from({ length: 30 }, (_, index) => `m${index}`);
  for (const name of names) add(name, 20);
  const answered: string[] = [];

  const all = Promise.all(
    [...names, ...names].map(async (name) => {
      const release = await use(name, { waitMs: 1e9 });
      answered.push(name);
      release();
    }),
  );
  for (let i = 0; i < 100 && answered.length < 60; i += 1) await pass(100);
  await all;

  // Both requests for a model are answered by one load.
  expect(log.filter((line) => line.startsWith('load'))).toEqual(
    names.map((name) => `load ${name}`),
  );
  expect(new Set(answered.slice(0, 20))).toEqual(new Set(names.slice(0, 10)));
});

test('a request waits no longer than it may, and is told when to come again', async () => {
  start();
  add('a', 10);
  const load = deferred<undefined>();
  slow.set('a', load.promise);

  const failing = expect(use('a', { waitMs: 5000 })).rejects.toMatchObject({
    code: 'MODEL_NOT_READY',
    message: 'Model a version 1 is being loaded',
    retryAfterS: 5,
  });
  await pass();
  await pass(5000);
  await failing;

  // The load goes on for those to come.
  load.resolve(undefined);
  await ask('a');
  expect(log).toEqual(['load a']);
});

test('a client that has gone waits no more', async () => {
  start();
  add('a', 10);
  slow.set('a', new Promise(() => undefined));
  const controller = new AbortController();

  const failing = expect(
    models.use(current.get('a') as unknown as Servable, { waitMs: 1e6, signal: controller.signal }),
  ).rejects.toMatchObject({ code: 'CLIENT_CLOSED_REQUEST' });
  await pass();
  controller.abort();

  await failing;
});

test('a model that nobody waits for any more is not loaded when its turn comes', async () => {
  start();
  for (const name of ['a', 'b', 'c']) add(name, 60);
  const release = await use('a');
  const b = expect(use('b', { waitMs: 100 })).rejects.toMatchObject({ code: 'MODEL_NOT_READY' });
  const c = use('c');
  await pass(100);
  await b;

  release();
  (await c)();

  expect(log).toEqual(['load a', 'unload a (room)', 'load c']);
});

test('one that can never fit is refused with the figures', async () => {
  start({ limit: 100 * 1024 * 1024 });
  add('a', 101 * 1024 * 1024);

  await expect(use('a')).rejects.toMatchObject({
    code: 'MODEL_DOES_NOT_FIT',
    message: expect.stringMatching(
      /^Model a needs 101 MiB of memory, and .* may take 100 MiB/,
    ) as string,
  });
  expect(log).toEqual([]);
});

test('what could not be loaded is tried again for a request, not before its time', async () => {
  start();
  add('a', 10);
  broken.add('a');
  const refused = { code: 'MODEL_NOT_READY', message: 'Model a cannot be served: it is broken' };
  await expect(use('a')).rejects.toMatchObject(refused);
  await expect(use('a')).rejects.toMatchObject({ ...refused, retryAfterS: 10 });
  expect(log).toEqual(['load a']);

  broken.clear();
  await pass(10_000);
  await ask('a');

  expect(log).toEqual(['load a', 'load a']);
});

test('one that nobody asks for is unloaded after its time', async () => {
  start({ limit: undefined });
  add('a', 10, 60_000);
  await ask('a');
  await pass(59_999);
  await ask('a');
  await pass(59_999);
  expect(log).toEqual(['load a']);

  await pass(1);
  expect(log).toEqual(['load a', 'unload a (idle)']);
  await ask('a');
  expect(log).toEqual(['load a', 'unload a (idle)', 'load a']);
});

test('a long request is no idleness', async () => {
  start();
  add('a', 10, 1000);
  const release = await use('a');
  await pass(10_000);
  expect(log).toEqual(['load a']);

  release();
  await pass(1000);

  expect(log).toEqual(['load a', 'unload a (idle)']);
});

test('what a model needs is remembered over restarts', async () => {
  const needs = (): KnownNeeds => new KnownNeeds({ directory, runtime: 'test' });
  start({ needs: needs() });
  add('a', 30);
  await ask('a');
  models.close();
  // Its files tell less than it takes.
  start({ limit: 20, needs: needs(), estimate: () => Promise.resolve(1) });
  current.clear();
  add('a', 30);

  await expect(use('a')).rejects.toMatchObject({ code: 'MODEL_DOES_NOT_FIT' });
});

test('what has grown since it was loaded counts as it is', async () => {
  start();
  for (const name of ['a', 'b']) add(name, 40);
  await ask('a');
  bytes.set('a', 70);

  await ask('b');

  expect(log).toEqual(['load a', 'unload a (room)', 'load b']);
});

test('a model that was removed while it is waited for lets its requests go', async () => {
  start();
  add('a', 10);
  const load = deferred<undefined>();
  slow.set('a', load.promise);
  const waiting = use('a');
  await pass();

  models.remove(current.get('a') as unknown as Servable);
  load.resolve(undefined);

  await expect(waiting).resolves.toBeInstanceOf(Function);
});
