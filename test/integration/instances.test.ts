import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { DynamicBatcher } from '../../src/batching/dynamic-batcher';
import { InstanceGroup, type InstanceGroupOptions } from '../../src/runtime/instance-group';
import { POISON, writeBadModel } from '../support/bad-models';
import { instancesOf, until } from '../support/instance-processes';
import { FIXTURES, removeFolder } from '../support/service';
import { floats, numbersOf } from '../support/tensors';

/** Instances in processes of their own, on the real TensorFlow. */

const PLACE = { env: { TF_CPP_MIN_LOG_LEVEL: '2', TF_NUM_INTRAOP_THREADS: '1' }, background: true };
const MIB = 1024 * 1024;

interface Harness {
  readonly group: InstanceGroup;
  readonly batcher: DynamicBatcher;
  readonly ends: string[];
  readonly submit: (row: readonly number[], shape?: readonly number[]) => Promise<number[]>;
}

const open: Harness[] = [];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'instances-'));
});
afterAll(async () => {
  await removeFolder(folder);
});
afterEach(async () => {
  for (const { group } of open) group.kill();
  await Promise.all(open.splice(0).map(({ group }) => group.close()));
});

function fixture(model: string): string {
  return path.join(FIXTURES, 'models', model, '1');
}

async function start(
  directory: string,
  options: Partial<InstanceGroupOptions> = {},
): Promise<Harness> {
  const ends: string[] = [];
  const link: { batcher?: DynamicBatcher } = {};
  const group = new InstanceGroup(
    {
      directory: () => directory,
      placements: [PLACE],
      runTimeoutMs: 60_000,
      loadTimeoutMs: 60_000,
      warmup: () => Promise.resolve(),
      backoffMs: 1,
      ...options,
    },
    {
      onChange: () => link.batcher?.poke(),
      onLost: (_index, { cause, reason }) => ends.push(`${cause}: ${reason}`),
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
  const submit = async (
    row: readonly number[],
    shape: readonly number[] = [1, 1],
  ): Promise<number[]> => {
    const { outputs } = await batcher.submit(
      { signature: 'serving_default', inputs: [floats('x', shape, row)], rows: 1 },
      batcher.admission.acquire(1),
    );
    return numbersOf(outputs[0]);
  };
  const harness = { group, batcher, ends, submit };
  open.push(harness);
  await group.start();
  return harness;
}

test('one that is killed under a batch costs no request: the batch runs again elsewhere', async () => {
  const directory = fixture('slow_add');
  const { group, submit, ends } = await start(directory, { placements: [PLACE, PLACE] });
  const [first] = instancesOf(directory);

  const answers = Promise.all([1, 2, 3, 4, 5, 6].map((x) => submit([x], [1])));
  await until(() => group.snapshot().every(({ inFlight }) => inFlight > 0));
  process.kill(first?.id ?? 0, 'SIGKILL');

  await expect(answers).resolves.toEqual([[2], [3], [4], [5], [6], [7]]);
  expect(ends).toEqual(['crash: it ended with SIGKILL']);
  await until(() => group.readyCount === 2);
});

test.each(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGFPE'] as const)(
  'one that ends with %s is replaced, and says so',
  async (signal) => {
    const directory = fixture('half_plus_two');
    const { group, submit, ends } = await start(directory);
    process.kill(instancesOf(directory)[0]?.id ?? 0, signal);
    await until(() => ends.length > 0);
    expect(group.readyCount).toBe(0);

    await expect(submit([4], [1])).resolves.toEqual([4]);
    expect(ends).toEqual([`crash: it ended with ${signal}`]);
  },
);

test('a check that fails inside TensorFlow costs the request at fault, and no other', async () => {
  const directory = await writeBadModel(folder, 'crashes');
  const { group, submit, ends } = await start(directory, { placements: [PLACE, PLACE] });
  const stable = await start(fixture('half_plus_two'));

  const answers = await Promise.allSettled([1, 2, POISON, 3, 4, 5].map((x) => submit([x])));

  expect(
    answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason)),
  ).toMatchObject([[1], [2], { code: 'MODEL_CRASHED', status: 500 }, [3], [4], [5]]);
  expect(ends).toHaveLength(2);
  expect(ends[0]).toMatch(/^crash: it ended with SIGABRT: Check failed: index >= 0/);
  expect(stable.ends).toEqual([]);
  await expect(stable.submit([2], [1])).resolves.toEqual([3]);
  await until(() => group.readyCount === 2);
});

test('a run that hangs is given up after its deadline; others go on meanwhile', async () => {
  const directory = await writeBadModel(folder, 'hangs');
  const { group, submit, ends } = await start(directory, {
    placements: [PLACE, PLACE],
    runTimeoutMs: 1500,
  });
  const [before] = instancesOf(directory).map(({ id }) => id);
  const hanging = expect(submit([POISON])).rejects.toMatchObject({
    code: 'MODEL_CRASHED',
    message: 'The model did not answer this request in time, twice; it is not tried again',
  });
  await until(() => group.snapshot().some(({ inFlight }) => inFlight > 0));

  // On the other instance, long before the deadline.
  await expect(submit([7])).resolves.toEqual([7]);
  expect(ends).toEqual([]);
  await hanging;

  expect(ends).toEqual(new Array(2).fill('timeout: a run took longer than 1500 ms'));
  await until(() => group.readyCount === 2);
  // It was killed, truly.
  expect(instancesOf(directory).map(({ id }) => id)).not.toContain(before);
  await expect(submit([8])).resolves.toEqual([8]);
});

describe('a limit of memory', () => {
  test('fails the request that would go over it; those before and after it are served', async () => {
    const directory = await writeBadModel(folder, 'allocates');
    const { group, submit, ends } = await start(directory, { maxBytes: 900 * MIB });
    await until(() => group.headroomBytes < 900 * MIB);
    const sizes = [1, 2000, 2];

    // TensorFlow waits ten seconds for memory, each time.
    const answers = await Promise.allSettled(sizes.map((x) => submit([x])));

    expect(
      answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason)),
    ).toMatchObject([[1], { code: 'MODEL_OUT_OF_MEMORY', status: 507 }, [2]]);
    // TensorFlow's allocator would now take all that the limit leaves.
    await expect(submit([200])).resolves.toEqual([200]);
    expect(ends).toEqual([]);
    expect(group.residentBytes).toBeLessThan(900 * MIB);
  });

  test('ends an instance that loads more than it may', async () => {
    const started = start(fixture('half_plus_two'), { maxBytes: 64 * MIB });

    await expect(started).rejects.toThrow(/it took \d+ MiB of memory and may take 64 MiB/);
  });
});

test('an instance that keeps the memory of a large run is renewed, and gives it back', async () => {
  const directory = await writeBadModel(folder, 'allocates');
  const { group, submit, ends } = await start(directory, { idleMs: 50, maxExcessBytes: 300 * MIB });
  await submit([1]);
  const before = instancesOf(directory)[0]?.id;
  const resting = group.residentBytes;

  // TensorFlow's own allocator keeps what it has taken once.
  await submit([500]);
  await until(() => instancesOf(directory).every(({ id }) => id !== before));

  expect(group.residentBytes).toBeLessThan(resting + 100 * MIB);
  await expect(submit([2])).resolves.toEqual([2]);
  expect(ends).toEqual([]);
});

test('failed runs leave nothing behind in memory', async () => {
  const directory = fixture('assert_positive');
  const { group, submit, ends } = await start(directory);
  const failing = async (): Promise<void> => {
    const data = new Float32Array(1_000_000).fill(-1);
    const inputs = [{ name: 'x', dtype: 'float32', shape: [250_000, 4], data } as const];
    const run = group.run(0, { signature: 'serving_default', inputs: () => inputs });
    await expect(run).rejects.toThrow('negative element');
  };
  await failing();
  const before = group.residentBytes + process.memoryUsage.rss();

  for (let i = 0; i < 250; i++) await failing();

  // Their inputs were 1000 MB.
  expect(group.residentBytes + process.memoryUsage.rss() - before).toBeLessThan(400e6);
  await expect(submit([1, 2, 3, 4], [1, 4])).resolves.toEqual([2, 4, 6, 8]);
  expect(ends).toEqual([]);
});

test('unloading leaves no process', async () => {
  const directory = fixture('half_plus_three');
  const { group } = await start(directory, { placements: [PLACE, PLACE] });
  expect(instancesOf(directory)).toHaveLength(2);

  await group.close();

  expect(instancesOf(directory)).toEqual([]);
});

test('a model that cannot be loaded says why', async () => {
  await expect(start(fixture('nothing'))).rejects.toThrow(/no such file.*saved_model\.pb/i);
});

test('the event loop stays free while TensorFlow runs', async () => {
  const { submit } = await start(fixture('slow_add'));
  const state = { finished: false };
  let turns = 0;

  const run = submit([1], [1]).finally(() => {
    state.finished = true;
  });
  while (!state.finished) {
    turns += 1;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await run;

  // On this thread a run of several hundred milliseconds would leave a handful of turns.
  expect(turns).toBeGreaterThan(50);
});
