import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { HttpServer } from '../../src/http/server';
import { ModelManager } from '../../src/models/model-manager';
import { Service, type ServiceOptions } from '../../src/service';
import { createLogger } from '../../src/telemetry/logger';
import { FakeServable, type LoadEnd } from '../support/fake-servable';
import { addVersion, removeFolder, toy } from '../support/service';

const DELAY_MS = 3000;
const TIMEOUT_MS = 30_000;

let repository: string;
let manager: ModelManager;
/** What happened, in order. */
let events: string[];
/** Ends what is in flight. */
let answerAll: () => void;
let loadEnd: () => LoadEnd | Promise<LoadEnd>;

beforeEach(async () => {
  // Files are read in real time.
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  repository = await mkdtemp(path.join(tmpdir(), 'service-'));
  await addVersion(repository, 'm', 1, toy('half_plus_two'));
  events = [];
  loadEnd = () => 'well';
});
afterEach(async () => {
  jest.useRealTimers();
  await removeFolder(repository);
});

/** A server that closes once the test says that everything is answered. */
function fakeServer(name: string): HttpServer {
  const answered = new Promise<void>((resolve) => {
    answerAll = resolve;
  });
  return {
    url: `http://${name}`,
    renewTls: () => events.push(`${name} has other certificates`),
    drain: () => events.push(`${name} drains`),
    close: async () => {
      events.push(`${name} closes`);
      await answered;
    },
    destroy: () => events.push(`${name} is cut`),
  };
}

function create(overrides: Partial<ServiceOptions> = {}): Service {
  manager = new ModelManager({
    repository,
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
    createServable: (options) =>
      new FakeServable(options, () => {
        events.push('a load begins');
        return loadEnd();
      }),
  });
  return new Service({
    manager,
    inference: undefined as never, // nobody asks it
    logger: createLogger('silent', 'json'),
    listen: () => Promise.resolve({ server: fakeServer('server'), admin: undefined }),
    repository,
    refresh: () => {
      events.push('refreshed');
      return Promise.resolve();
    },
    release: () => events.push('released'),
    pollIntervalMs: undefined,
    drainDelayMs: DELAY_MS,
    drainTimeoutMs: TIMEOUT_MS,
    ...overrides,
  });
}

/** Lets what needs no timer happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('it has no address before it starts, and serves afterwards', async () => {
  const service = create();
  expect(() => service.url).toThrow('does not listen yet');

  await service.start();

  expect(service.url).toBe('http://server');
  expect(manager.ready).toBe(true);
});

test('a reload before it starts is what the start does anyway', async () => {
  const service = create();

  await service.reload();
  expect(events).toEqual([]);
  await service.start();

  expect(events).toEqual(['a load begins']);
});

test('it stops in order: drain, delay, close, then the models go', async () => {
  const service = create();
  await service.start();
  events = [];

  const stopped = service.stop();
  await settle();
  expect(events).toEqual(['server drains']);
  await jest.advanceTimersByTimeAsync(DELAY_MS);
  expect(events).toEqual(['server drains', 'server closes']);
  // Requests that were taken still have their model.
  expect(manager.draining).toBe(false);
  answerAll();

  await expect(stopped).resolves.toBe(true);
  expect(events.at(-1)).toBe('released');
  expect(manager.get('m').servables.map(({ state }) => state)).toEqual(['END']);
});

test('without a delay it closes at once', async () => {
  const service = create();
  await service.start();

  const stopped = service.stop({ delay: false });
  answerAll();

  await expect(stopped).resolves.toBe(true);
});

test('what is not answered in time is cut', async () => {
  const service = create();
  await service.start();

  const stopped = service.stop({ delay: false });
  await settle();
  await jest.advanceTimersByTimeAsync(TIMEOUT_MS);

  await expect(stopped).resolves.toBe(false);
  expect(events.slice(-2)).toEqual(['server is cut', 'released']);
  expect(manager.get('m').servables.map(({ state }) => state)).toEqual(['END']);
});

test('stopped while it loads it gives the load up, and waits for no load balancer', async () => {
  loadEnd = () => new Promise(() => undefined);
  const service = create();
  let started = false;
  void service.start().finally(() => {
    started = true;
  });
  while (!events.includes('a load begins')) await settle();
  expect(started).toBe(false);

  const stopped = service.stop();
  await settle();

  expect(events.slice(-2)).toEqual(['server drains', 'server closes']);
  answerAll();
  await expect(stopped).resolves.toBe(true);
  expect(started).toBe(true);
});

test('stopped before it starts it never listens', async () => {
  const service = create();

  await expect(service.stop()).resolves.toBe(true);
  await service.start();

  expect(events).toEqual(['released']);
});

test('stopped twice it stops once', async () => {
  const service = create();
  await service.start();

  const both = Promise.all([service.stop({ delay: false }), service.stop()]);
  answerAll();

  await expect(both).resolves.toEqual([true, true]);
  expect(events.filter((event) => event === 'server closes')).toHaveLength(1);
});

test('a repository that cannot be read ends the start, and nothing listens any more', async () => {
  await removeFolder(repository);
  const service = create();

  const started = service.start();
  await settle();
  answerAll();

  await expect(started).rejects.toThrow(/The model repository ".*" cannot be read/);
  expect(events).toEqual(['server is cut', 'server closes', 'released']);
});

test('a port that is taken ends the start', async () => {
  const service = create({ listen: () => Promise.reject(new Error('EADDRINUSE')) });

  await expect(service.start()).rejects.toThrow('EADDRINUSE');

  expect(events).toEqual(['released']);
});

test('it polls one look after the other until it stops', async () => {
  const service = create({ pollIntervalMs: 5000 });
  await service.start();
  await addVersion(repository, 'late', 1, toy('half_plus_two'));

  for (let look = 0; look < 2; look++) {
    await jest.advanceTimersByTimeAsync(5000);
    await manager.poll();
  }
  expect(manager.get('late').servables.map(({ state }) => state)).toEqual(['AVAILABLE']);

  const stopped = service.stop({ delay: false });
  answerAll();
  await stopped;
  expect(jest.getTimerCount()).toBe(0);
});
