import { DynamicBatcher } from '../../../src/batching/dynamic-batcher';
import { RunMemory } from '../../../src/batching/run-memory';
import { RunMemoryBudget } from '../../../src/batching/run-memory-budget';
import { FakeExecutor } from '../../support/fake-executor';
import { floats } from '../../support/tensors';

describe('what runs take', () => {
  test('is unknown before the first', () => {
    expect(new RunMemory().estimate('a', 1000)).toBe(0);
  });

  test('grows with the rows of a kind', () => {
    const memory = new RunMemory();
    memory.learn('a', 100, 2500);

    expect(memory.estimate('a', 100)).toBe(2500);
    expect(memory.estimate('a', 400)).toBe(10_000);
  });

  test('of a kind never run is that of the kind nearest in size', () => {
    const memory = new RunMemory();
    memory.learn('small', 10, 10 * 50);
    memory.learn('large', 10_000, 10_000 * 20);

    expect(memory.estimate('of 8000', 8000)).toBe(8000 * 20);
    expect(memory.estimate('of 20', 20)).toBe(20 * 50);
  });

  test('is the highest seen: what stays allocated is not taken again by the next run', () => {
    const memory = new RunMemory();
    memory.learn('a', 100, 5000);
    memory.learn('a', 100, 0);
    expect(memory.estimate('a', 100)).toBeGreaterThan(4500);

    memory.learn('a', 100, 9000);
    expect(memory.estimate('a', 100)).toBe(9000);
  });

  test('is measured at first, and then now and again', () => {
    const memory = new RunMemory();
    const measured = Array.from({ length: 300 }, () => {
      const wanted = memory.shouldMeasure('a');
      if (wanted) memory.learn('a', 1, 1);
      return wanted;
    });

    expect(measured.slice(0, 4)).toEqual([true, true, true, false]);
    expect(measured.filter(Boolean)).toHaveLength(6);
  });
});

describe('the budget of all runs', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test('lets through what fits, and tells when there is room again', () => {
    const budget = new RunMemoryBudget(1000);
    const onRoom = jest.fn();
    budget.onRoom(onRoom);
    const giveBack = budget.take(600, {});
    expect(budget.take(600, {})).toBeUndefined();
    expect(budget.used).toBe(600);

    giveBack?.();
    giveBack?.();

    expect(onRoom).toHaveBeenCalledTimes(1);
    expect(budget.used).toBe(0);
    expect(budget.take(600, {})).toBeDefined();
  });

  test('lets through anything that is alone', () => {
    const budget = new RunMemoryBudget(1000);

    expect(budget.take(5000, {})).toBeDefined();
    expect(budget.take(100, {})).toBeUndefined();
    // Too little to be counted.
    expect(budget.take(10, {})).toBeDefined();
  });

  test('what was refused for long goes before what is smaller', () => {
    const budget = new RunMemoryBudget(1000);
    const [large, small] = [{}, {}];
    const first = budget.take(300, {});
    expect(budget.take(900, large)).toBeUndefined();
    const passing = budget.take(300, small);
    expect(passing).toBeDefined();
    jest.advanceTimersByTime(1000);
    passing?.();

    expect(budget.take(300, small)).toBeUndefined();
    first?.();
    expect(budget.take(900, large)).toBeDefined();
  });

  test('what is given up is waited for no more, and the others are told', () => {
    const budget = new RunMemoryBudget(1000);
    const onRoom = jest.fn();
    budget.take(300, {});
    const large = {};
    budget.take(900, large);
    jest.advanceTimersByTime(1000);
    budget.onRoom(onRoom);

    budget.forget(large);

    expect(onRoom).toHaveBeenCalledTimes(1);
    expect(budget.take(300, {})).toBeDefined();
  });
});

describe('batches', () => {
  const MIB = 1024 * 1024;

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  function setUp(budget: RunMemoryBudget, instances = 2) {
    const executor = new FakeExecutor(instances);
    const batcher = new DynamicBatcher(
      {
        maxBatchSize: 4,
        allowedBatchSizes: [1, 2, 3, 4],
        maxQueueDelayMs: 0,
        maxQueueSize: 100,
        queueTimeoutMs: 60_000,
        batchable: true,
      },
      executor,
      {},
      budget,
    );
    return { executor, batcher };
  }

  /** Rows of 1024 numbers. */
  function submit(batcher: DynamicBatcher, count: number, side = 1024): Promise<unknown> {
    return Promise.all(
      Array.from({ length: count }, () =>
        batcher.submit(
          {
            signature: 'serving_default',
            inputs: [floats('x', [1, side], new Array<number>(side).fill(1))],
            rows: 1,
          },
          batcher.admission.acquire(1),
        ),
      ),
    );
  }

  function warmUp(batcher: DynamicBatcher, takenBytes: number): void {
    const inputs = [floats('x', [1, 1024], new Array<number>(1024).fill(1))];
    batcher.learnMemory(
      { signature: 'serving_default', inputs, outputs: undefined, rows: 1 },
      takenBytes,
    );
  }

  function pass(): Promise<void> {
    return jest.advanceTimersByTimeAsync(0).then(() => undefined);
  }

  /** Ends all runs, and says how many rows ran at once at most. */
  async function runAll(executor: FakeExecutor): Promise<number> {
    let most = 0;
    await pass();
    while (executor.pending.length > 0) {
      const rows = executor.pending.map(({ inputs }) => inputs[0]?.shape[0] ?? 0);
      most = Math.max(
        most,
        rows.reduce((sum, own) => sum + own, 0),
      );
      executor.next.finish();
      await pass();
    }
    return most;
  }

  test('are cut to what memory suffices for, and run one after the other below that', async () => {
    const { batcher, executor } = setUp(new RunMemoryBudget(100 * MIB));
    warmUp(batcher, 40 * MIB);
    const answers = submit(batcher, 8);

    expect(await runAll(executor)).toBe(2);
    await answers;
    expect(executor.runs.map(({ inputs }) => inputs[0]?.shape[0])).toEqual([2, 2, 2, 2]);
    expect(batcher.batchLimit).toBe(2);
  });

  test('of what needs more than there is run alone', async () => {
    const { batcher, executor } = setUp(new RunMemoryBudget(100 * MIB));
    warmUp(batcher, 500 * MIB);
    const answers = submit(batcher, 3);

    expect(await runAll(executor)).toBe(1);
    await answers;
  });

  test('of a size never met are judged by the nearest', async () => {
    const { batcher, executor } = setUp(new RunMemoryBudget(100 * MIB));
    warmUp(batcher, 40 * MIB);
    const answers = submit(batcher, 4, 2048);

    expect(await runAll(executor)).toBe(1);
    await answers;
  });

  test('that take less than was feared grow again', async () => {
    const { batcher, executor } = setUp(new RunMemoryBudget(100 * MIB), 1);
    const answers = submit(batcher, 1);
    await pass();
    // Nothing was known of it.
    executor.next.finish(1, undefined, 1 * MIB);
    await answers;
    const more = submit(batcher, 4);

    await runAll(executor);
    await more;
    expect(executor.runs.at(-1)?.inputs[0]?.shape[0]).toBe(4);
  });

  test('of different models share the budget', async () => {
    const budget = new RunMemoryBudget(100 * MIB);
    const one = setUp(budget, 1);
    const other = setUp(budget, 1);
    warmUp(one.batcher, 80 * MIB);
    warmUp(other.batcher, 80 * MIB);
    const answers = Promise.all([submit(one.batcher, 1), submit(other.batcher, 1)]);
    await pass();
    expect(one.executor.pending.length + other.executor.pending.length).toBe(1);

    one.executor.next.finish();
    await pass();
    expect(other.executor.pending).toHaveLength(1);
    other.executor.next.finish();
    await answers;
  });

  test('that wait for memory keep nothing when they time out', async () => {
    const budget = new RunMemoryBudget(100 * MIB);
    const { batcher } = setUp(budget);
    warmUp(batcher, 80 * MIB);
    const giveBack = budget.take(90 * MIB, {});
    const answers = expect(submit(batcher, 1)).rejects.toMatchObject({ code: 'QUEUE_TIMEOUT' });
    await jest.advanceTimersByTimeAsync(60_000);

    await answers;
    await batcher.idle();
    giveBack?.();
    expect(budget.used).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('are as small as the room that instances have left', async () => {
    const { batcher, executor } = setUp(new RunMemoryBudget(1000 * MIB));
    Object.assign(executor, { headroomBytes: 50 * MIB });
    warmUp(batcher, 20 * MIB);
    const answers = submit(batcher, 4);

    await runAll(executor);
    await answers;
    expect(executor.runs.map(({ inputs }) => inputs[0]?.shape[0])).toEqual([2, 2]);
  });
});
