import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { DynamicBatcher } from '../../src/batching/dynamic-batcher';
import { boolAttr } from '../../src/rewriter/graph/attributes';
import { writeSavedModel } from '../../src/saved-model/saved-model-file';
import { InstanceGroup, type InstanceGroupOptions } from '../../src/runtime/instance-group';
import { crashNextWorker } from '../support/crash-worker';
import { FLOAT, graphOf, metaOf } from '../support/graph-model';
import { FIXTURES, removeFolder } from '../support/service';
import { floats, numbersOf } from '../support/tensors';

const THREAD = { kind: 'thread', background: true } as const;
const PROCESS = { kind: 'process', visibleDevice: '' } as const;

interface Harness {
  readonly group: InstanceGroup;
  readonly batcher: DynamicBatcher;
  readonly restarts: string[];
  readonly submit: (row: readonly number[], shape?: readonly number[]) => Promise<number[]>;
}

const open: Harness[] = [];

async function start(model: string, options: Partial<InstanceGroupOptions>): Promise<Harness> {
  const restarts: string[] = [];
  const link: { batcher?: DynamicBatcher } = {};
  const group = new InstanceGroup(
    {
      directory: () => path.join(FIXTURES, 'models', model, '1'),
      placements: [THREAD],
      runTimeoutMs: 60_000,
      loadTimeoutMs: 60_000,
      warmup: () => Promise.resolve(),
      backoffMs: 1,
      ...options,
    },
    {
      onChange: () => link.batcher?.poke(),
      onRestart: (_index, reason) => restarts.push(reason),
    },
  );
  const batcher = new DynamicBatcher(
    {
      maxBatchSize: 4,
      allowedBatchSizes: [1, 2, 4],
      maxQueueDelayMs: 0,
      maxQueueSize: 100,
      queueTimeoutMs: 60_000,
      batchable: true,
    },
    group,
  );
  link.batcher = batcher;
  await group.start();
  const submit = async (
    row: readonly number[],
    shape: readonly number[] = [1],
  ): Promise<number[]> => {
    const { outputs } = await batcher.submit(
      { signature: 'serving_default', inputs: [floats('x', shape, row)], rows: 1 },
      batcher.admission.acquire(1),
    );
    return numbersOf(outputs[0]);
  };
  const harness = { group, batcher, restarts, submit };
  open.push(harness);
  return harness;
}

afterEach(() => {
  jest.restoreAllMocks();
  for (const { group } of open.splice(0)) group.kill();
});

/** Processes started by this one that run the worker. */
function workerProcesses(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        const parent = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1];
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return Number(parent) === process.pid && command.includes('worker.js');
      } catch {
        return false; // gone meanwhile
      }
    })
    .map(Number);
}

/** Resolves when `condition` holds; each look waits for the next turn of the event loop. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

test('a thread that crashes under a run is replaced, and the next request is answered', async () => {
  const { group, submit, restarts } = await start('half_plus_two', {});

  crashNextWorker();
  const crash = group.run(0, { signature: 'serving_default', inputs: [floats('x', [1], [2])] });

  await expect(crash).rejects.toMatchObject({ code: 'WORKER_LOST' });
  await expect(submit([4])).resolves.toEqual([4]);
  expect(restarts).toHaveLength(1);
  expect(group.readyCount).toBe(1);
});

test('a worker process killed mid-batch loses nothing: the batch runs again elsewhere', async () => {
  const { group, submit, restarts } = await start('slow_add', { placements: [PROCESS, PROCESS] });
  const pids = workerProcesses();
  expect(pids).toHaveLength(2);

  const answers = Promise.all([1, 2, 3, 4, 5, 6].map((x) => submit([x])));
  await until(() => group.snapshot().every(({ inFlight }) => inFlight > 0));
  process.kill(pids[0] ?? 0, 'SIGKILL');

  await expect(answers).resolves.toEqual([[2], [3], [4], [5], [6], [7]]);
  expect(restarts).toEqual(['the worker process ended with SIGKILL']);
});

test('a hung run is given up after its deadline and answered 503 the second time', async () => {
  // A run takes far longer than this.
  const { group, submit, restarts } = await start('slow_add', { runTimeoutMs: 20 });

  await expect(submit([1])).rejects.toMatchObject({ code: 'WORKER_LOST', status: 503 });

  expect(restarts).toEqual(['a run took longer than 20 ms', 'a run took longer than 20 ms']);
  // The truth meanwhile: nobody is there.
  expect(group.readyCount).toBe(0);
  await until(() => group.readyCount === 1);
});

test('how long nothing has worked is counted from the loss to the next start that works', async () => {
  let directory = path.join(FIXTURES, 'models/half_plus_two/1');
  const { group, submit } = await start('half_plus_two', {
    directory: () => directory,
    warmup: async (instance) => {
      await instance.run({ signature: 'serving_default', inputs: [floats('x', [1], [2])] });
    },
  });
  expect(group.failingMs).toBe(0);

  directory = path.join(FIXTURES, 'models/nowhere');
  crashNextWorker();
  await expect(
    group.run(0, { signature: 'serving_default', inputs: [floats('x', [1], [2])] }),
  ).rejects.toMatchObject({ code: 'WORKER_LOST' });
  await until(() => group.failingMs > 50);
  expect(group.readyCount).toBe(0);

  directory = path.join(FIXTURES, 'models/half_plus_two/1');
  await until(() => group.readyCount === 1);
  expect(group.failingMs).toBe(0);
  await expect(submit([4])).resolves.toEqual([4]);
});

test('an instance that starts and is lost again before it has answered does not work', async () => {
  const { group, submit } = await start('half_plus_two', {});
  const lose = async (): Promise<void> => {
    crashNextWorker();
    const run = group.run(0, { signature: 'serving_default', inputs: [floats('x', [1], [2])] });
    await expect(run).rejects.toMatchObject({ code: 'WORKER_LOST' });
    await until(() => group.readyCount === 1);
  };

  await lose();
  expect(group.failingMs).toBe(0);
  await lose();
  expect(group.failingMs).toBeGreaterThan(0);
  await submit([4]);

  expect(group.failingMs).toBe(0);
});

test('failed runs leave nothing behind in memory', async () => {
  const { group, submit, restarts } = await start('assert_positive', {});
  const failing = async (): Promise<void> => {
    const data = new Float32Array(1_000_000).fill(-1);
    const inputs = [{ name: 'x', dtype: 'float32', shape: [250_000, 4], data } as const];
    const run = group.run(0, { signature: 'serving_default', inputs, transfer: [data.buffer] });
    await expect(run).rejects.toThrow('negative element');
  };
  await failing();
  const before = process.memoryUsage.rss();

  for (let i = 0; i < 250; i++) await failing();

  // Their inputs were 1000 MB.
  expect(process.memoryUsage.rss() - before).toBeLessThan(400e6);
  await expect(submit([1, 2, 3, 4], [1, 4])).resolves.toEqual([2, 4, 6, 8]);
  expect(restarts).toEqual([]);
});

test('a lack of memory is told by its code, and the worker lives on', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'outer-product-'));
  // x xᵀ: an input of n numbers has n² of them as its output.
  const graph = graphOf([-1, 1], (g) => {
    g.add('product', 'MatMul', ['x', 'x'], { ...FLOAT, transpose_b: boolAttr(true) });
  });
  await writeSavedModel(folder, metaOf(graph, [-1, 1], { y: { node: 'product' } }));
  const { group, restarts } = await start('outer product', { directory: () => folder });
  const run = async (values: readonly number[]): Promise<number[]> => {
    const inputs = [floats('x', [values.length, 1], values)];
    const { outputs } = await group.run(0, { signature: 'serving_default', inputs });
    return numbersOf(outputs[0]);
  };

  // 400 TB are more than an address space holds; TensorFlow waits ten seconds for them.
  const refused = run(new Array<number>(1e7).fill(1));

  await expect(refused).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', outOfMemory: true });
  await expect(run([2, 3])).resolves.toEqual([4, 6, 6, 9]);
  expect(restarts).toEqual([]);
  await removeFolder(folder);
});

test('a group whose model cannot be loaded says why', async () => {
  await expect(start('nothing', {})).rejects.toThrow(/no such file.*saved_model\.pb/i);
});

test('the event loop stays free while TensorFlow runs', async () => {
  const { submit } = await start('slow_add', {});
  const state = { finished: false };
  let turns = 0;

  const run = submit([1]).finally(() => {
    state.finished = true;
  });
  await until(() => {
    turns += 1;
    return state.finished;
  });
  await run;

  // On this thread a run of several hundred milliseconds would leave a handful of turns.
  expect(turns).toBeGreaterThan(1000);
});
