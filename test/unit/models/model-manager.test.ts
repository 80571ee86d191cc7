import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { ModelManager } from '../../../src/models/model-manager';
import type { ModelManagerOptions } from '../../../src/models/model-manager-options';
import { FakeServable, type LoadEnd } from '../../support/fake-servable';

const INTERVAL_MS = 60_000;

let repository: string;
let manager: ModelManager;
/** Every load, as `model/version`. */
let loads: string[];
/** How loads end; well when nothing is said. */
let ends: Map<string, LoadEnd | Promise<LoadEnd>>;
let states: string[];

beforeEach(async () => {
  // Files are read in real time.
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  repository = await mkdtemp(path.join(tmpdir(), 'manager-'));
  loads = [];
  ends = new Map();
  states = [];
});
afterEach(async () => {
  await manager.drain();
  jest.useRealTimers();
  await rm(repository, { recursive: true, force: true });
});

function start(options: Partial<ModelManagerOptions> = {}): Promise<void> {
  manager = new ModelManager(
    {
      repository,
      only: [],
      loadConcurrency: 4,
      defaults: {
        instances: 1,
        maxBatchSize: 1,
        batchSizeSteps: 'fine',
        maxQueueDelayMs: 0,
        maxQueueSize: 1,
        queueTimeoutMs: 1,
      },
      runtime: { runTimeoutMs: 1, loadTimeoutMs: 1, place: () => [] },
      maxLoadRetries: 2,
      loadRetryIntervalMs: INTERVAL_MS,
      createServable: (made) =>
        new FakeServable(made, () => {
          const name = `${made.source.name}/${made.version}`;
          loads.push(name);
          return ends.get(name) ?? 'well';
        }),
      ...options,
    },
    {
      onState: ({ name, version, state }, retry) =>
        states.push(
          `${name}/${version} ${state}${retry === undefined ? '' : `, retry ${retry.attempt}`}`,
        ),
    },
  );
  return manager.sync();
}

async function write(file: string, text = ''): Promise<void> {
  const at = path.join(repository, file);
  await mkdir(path.dirname(at), { recursive: true });
  await writeFile(at, text);
}

/** Lets the interval pass, and what was planned for then end. */
async function nextRetry(): Promise<void> {
  jest.advanceTimersByTime(INTERVAL_MS);
  // Changes are made one after the other: this one comes last.
  await manager.sync();
}

function listed(model: string): string[] {
  return manager.get(model).servables.map(({ version, state }) => `${version} ${state}`);
}

describe('a load that failed', () => {
  beforeEach(() => write('m/1/saved_model.pb'));

  test('is tried again until it succeeds', async () => {
    ends.set('m/1', { reason: 'out of memory' });
    await start();
    expect(listed('m')).toEqual(['1 END']);
    expect(manager.get('m').retries.get(1)).toMatchObject({ attempt: 1, of: 2 });

    ends.delete('m/1');
    await nextRetry();

    expect(listed('m')).toEqual(['1 AVAILABLE']);
    expect(manager.get('m').retries.size).toBe(0);
    expect(states).toEqual(['m/1 LOADING', 'm/1 END, retry 1', 'm/1 LOADING', 'm/1 AVAILABLE']);
  });

  test('is given up after the last attempt, and says why', async () => {
    ends.set('m/1', { reason: 'out of memory' });
    await start();

    for (let i = 0; i < 5; i++) await nextRetry();

    expect(loads).toEqual(['m/1', 'm/1', 'm/1']);
    expect(manager.get('m').servables).toMatchObject([{ state: 'END', reason: 'out of memory' }]);
    expect(states.at(-1)).toBe('m/1 END');
  });

  test('is not tried again when its files contradict each other', async () => {
    ends.set('m/1', { reason: 'no such signature', stays: true });
    await start();

    await nextRetry();

    expect(loads).toEqual(['m/1']);
    expect(states.at(-1)).toBe('m/1 END');
  });

  test('is tried again at once when its files change, and counted afresh', async () => {
    ends.set('m/1', { reason: 'cut off' });
    await start();
    await nextRetry();
    await write('m/1/variables/variables.index', 'more');

    await manager.sync();

    expect(loads).toHaveLength(3);
    expect(manager.get('m').retries.get(1)?.attempt).toBe(1);
  });

  test('leaves the server as ready as it was while it is tried again', async () => {
    await write('good/1/saved_model.pb');
    ends.set('m/1', { reason: 'out of memory' });
    await start();
    expect(manager.ready).toBe(true);
    let finish: ((end: LoadEnd) => void) | undefined;
    ends.set('m/1', new Promise((resolve) => (finish = resolve)));

    jest.advanceTimersByTime(INTERVAL_MS);
    while (loads.length < 3) await new Promise((resolve) => setImmediate(resolve));

    expect(listed('m')).toEqual(['1 LOADING']);
    expect(manager.ready).toBe(true);
    finish?.('well');
    await manager.sync();
    expect(listed('m')).toEqual(['1 AVAILABLE']);
  });

  test('keeps the version before it, and is tried again beside it', async () => {
    await start();
    await write('m/2/saved_model.pb');
    ends.set('m/2', { reason: 'out of memory' });
    await manager.sync();
    expect(listed('m')).toEqual(['1 AVAILABLE', '2 END']);

    ends.delete('m/2');
    await nextRetry();

    expect(listed('m')).toEqual(['2 AVAILABLE']);
  });

  test('is not tried again once the server drains', async () => {
    ends.set('m/1', { reason: 'out of memory' });
    await start();

    manager.stopLoading();
    await nextRetry();

    expect(loads).toEqual(['m/1']);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('is not tried again when its folder has gone', async () => {
    ends.set('m/1', { reason: 'out of memory' });
    await start();

    await rm(path.join(repository, 'm'), { recursive: true });
    await nextRetry();

    expect(loads).toEqual(['m/1']);
  });

  describe('with explicit control', () => {
    beforeEach(async () => {
      ends.set('m/1', { reason: 'out of memory' });
      await start({ control: 'explicit' });
    });

    test('is tried at once on request, and counted afresh', async () => {
      await nextRetry();
      expect(manager.get('m').retries.get(1)?.attempt).toBe(2);

      await expect(manager.load('m')).rejects.toThrow(
        "failed to load 'm': version 1: out of memory (it is tried again)",
      );
      expect(manager.get('m').retries.get(1)?.attempt).toBe(1);
      ends.delete('m/1');
      await manager.load('m');

      expect(listed('m')).toEqual(['1 AVAILABLE']);
      expect(jest.getTimerCount()).toBe(0);
    });

    test('is not tried again once it is unloaded', async () => {
      await manager.unload('m');
      await nextRetry();

      expect(loads).toEqual(['m/1']);
      expect(jest.getTimerCount()).toBe(0);
    });
  });
});

describe('polling', () => {
  const poll = (): Promise<void> => manager.poll();

  test('what is there at the start is loaded at once', async () => {
    await write('m/1/saved_model.pb');

    await start({ control: 'poll' });

    expect(listed('m')).toEqual(['1 AVAILABLE']);
  });

  test('a version is loaded once two looks in a row saw the same files', async () => {
    await write('m/1/saved_model.pb');
    await start({ control: 'poll' });

    await write('m/2/saved_model.pb', 'graph');
    await poll();
    await write('m/2/variables/variables.data-00000-of-00001', 'half');
    await poll();
    await write('m/2/variables/variables.data-00000-of-00001', 'half and half');
    await poll();
    expect(listed('m')).toEqual(['1 AVAILABLE']);
    await poll();

    expect(listed('m')).toEqual(['2 AVAILABLE']);
    expect(loads).toEqual(['m/1', 'm/2']);
  });

  test('a new model is loaded once its files have settled', async () => {
    await start({ control: 'poll' });

    await write('m/1/saved_model.pb');
    await poll();
    expect(listed('m')).toEqual([]);
    await poll();

    expect(listed('m')).toEqual(['1 AVAILABLE']);
  });

  test('a version that failed half copied is loaded once it is complete', async () => {
    await write('m/1/saved_model.pb');
    ends.set('m/1', { reason: 'no variables' });
    await start({ control: 'poll' });
    await write('m/1/variables/variables.index', 'complete');
    ends.delete('m/1');

    await poll();
    expect(listed('m')).toEqual(['1 END']);
    await poll();

    expect(listed('m')).toEqual(['1 AVAILABLE']);
  });

  test('nothing is unloaded while its successor is being copied', async () => {
    await write('m/model.json', '{"versionPolicy":{"latest":2}}');
    await write('m/1/saved_model.pb');
    await write('m/2/saved_model.pb');
    await start({ control: 'poll' });

    await write('m/3/saved_model.pb');
    await poll();
    expect(listed('m')).toEqual(['1 AVAILABLE', '2 AVAILABLE']);
    await poll();

    expect(listed('m')).toEqual(['2 AVAILABLE', '3 AVAILABLE']);
  });

  test('another attempt at one version is no second look at the others', async () => {
    await write('m/model.json', '{"versionPolicy":"all"}');
    await write('m/1/saved_model.pb');
    ends.set('m/1', { reason: 'out of memory' });
    await start({ control: 'poll' });
    await write('m/2/saved_model.pb');
    await poll();

    jest.advanceTimersByTime(INTERVAL_MS);
    while (loads.length < 2) await new Promise((resolve) => setImmediate(resolve));

    expect(loads).toEqual(['m/1', 'm/1']);
    await poll();
    expect(loads).toEqual(['m/1', 'm/1', 'm/2']);
  });

  test('when it is asked for, what has changed is loaded at once', async () => {
    await start({ control: 'poll' });
    await write('m/1/saved_model.pb');

    await manager.sync();

    expect(listed('m')).toEqual(['1 AVAILABLE']);
  });
});

test('a load that is under way when the server stops is given up without a failure', async () => {
  await write('m/1/saved_model.pb');
  let finish: ((end: LoadEnd) => void) | undefined;
  ends.set('m/1', new Promise((resolve) => (finish = resolve)));
  const started = start();
  while (loads.length === 0) await new Promise((resolve) => setImmediate(resolve));

  manager.stopLoading();
  finish?.('well');
  await started;

  expect(manager.get('m').servables).toMatchObject([{ state: 'END', reason: undefined }]);
  await expect(manager.sync()).resolves.toBeUndefined();
  expect(loads).toEqual(['m/1']);
});

describe('a model that was asked for by name', () => {
  test('keeps the server from being ready while it is missing', async () => {
    await write('m/1/saved_model.pb');
    await start({ only: ['m', 'typo'] });

    expect(listed('m')).toEqual(['1 AVAILABLE']);
    expect(manager.ready).toBe(false);

    await write('typo/1/saved_model.pb');
    await manager.sync();

    expect(manager.ready).toBe(true);
  });
});
