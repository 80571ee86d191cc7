import type { BatcherEvents } from '../../../src/batching/batch-executor';
import type { BatchRequest, BatchResult } from '../../../src/batching/batch-request';
import type { BatchingOptions } from '../../../src/batching/batching-options';
import { DynamicBatcher } from '../../../src/batching/dynamic-batcher';
import { ServingError, toServingError, type ErrorCode } from '../../../src/kernel/errors';
import { FakeExecutor } from '../../support/fake-executor';
import { floats, numbersOf } from '../../support/tensors';

const OPTIONS: BatchingOptions = {
  maxBatchSize: 4,
  allowedBatchSizes: [1, 2, 4],
  maxQueueDelayMs: 0,
  maxQueueSize: 100,
  queueTimeoutMs: 1000,
  batchable: true,
};

function setUp(options: Partial<BatchingOptions> = {}, instances = 1, events: BatcherEvents = {}) {
  const executor = new FakeExecutor(instances);
  const batcher = new DynamicBatcher({ ...OPTIONS, ...options }, executor, events);
  return { executor, batcher };
}

/** The full answer to one request of the single-column rows given. */
function ask(
  batcher: DynamicBatcher,
  values: readonly number[],
  more: Partial<BatchRequest> = {},
): Promise<BatchResult> {
  const inputs = [floats('x', [values.length, 1], values)];
  return batcher.submit(
    { signature: 'serving_default', inputs, rows: values.length, ...more },
    batcher.admission.acquire(1),
  );
}

/** The numbers answered, or the code of the error. */
function answerTo(
  batcher: DynamicBatcher,
  values: readonly number[],
  more: Partial<BatchRequest> = {},
): Promise<number[] | ErrorCode> {
  return ask(batcher, values, more).then(
    ({ outputs }) => numbersOf(outputs[0]),
    (thrown: unknown) => toServingError(thrown).code,
  );
}

/** Lets everything happen that is due by then. */
function pass(ms = 0): Promise<void> {
  return jest.advanceTimersByTimeAsync(ms).then(() => undefined);
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick'] });
});

afterEach(() => {
  jest.useRealTimers();
});

describe('forming batches', () => {
  test('requests that come together run together, and each caller gets its own rows', async () => {
    const { batcher, executor } = setUp();
    const answers = Promise.all([[1], [2, 3], [4]].map((values) => answerTo(batcher, values)));

    await pass();
    expect(executor.runs.map(({ values }) => values)).toEqual([[1, 2, 3, 4]]);
    executor.next.finish();

    expect(await answers).toEqual([[2], [4, 6], [8]]);
  });

  test('a result tells how long it queued, how long it ran and with how many rows', async () => {
    const { batcher, executor } = setUp({ maxQueueDelayMs: 20 });
    const answers = Promise.all([ask(batcher, [1]), ask(batcher, [2, 3])]);
    await pass(20);
    executor.next.finish(7);

    for (const result of await answers) {
      expect(result).toMatchObject({ queueMs: 20, inferMs: 7, batchRows: 3 });
    }
  });

  test('a batch grows while the instance is busy', async () => {
    const { batcher, executor } = setUp();
    const answers = [answerTo(batcher, [1])];
    await pass();
    answers.push(answerTo(batcher, [2]));
    await pass();
    answers.push(answerTo(batcher, [3]));
    await pass();
    expect(executor.runs).toHaveLength(1);

    executor.next.finish();
    await pass();
    expect(executor.next.values).toEqual([2, 3]);
    executor.next.finish();

    expect(await Promise.all(answers)).toEqual([[2], [4], [6]]);
  });

  test('a batch is padded to an allowed size with its first row', async () => {
    const onExecution = jest.fn();
    const { batcher, executor } = setUp({}, 1, { onExecution });
    const answer = answerTo(batcher, [5, 6, 7]);
    await pass();
    expect(executor.next.values).toEqual([5, 6, 7, 5]);
    executor.next.finish(3);

    expect(await answer).toEqual([10, 12, 14]);
    expect(onExecution).toHaveBeenCalledWith(
      expect.objectContaining({ rows: 3, paddedRows: 4, inferMs: 3 }),
    );
  });

  test('a request waits on an idle instance no longer than the delay', async () => {
    const { batcher, executor } = setUp({ maxQueueDelayMs: 20 });
    const answers = [answerTo(batcher, [1])];
    await pass(15);
    answers.push(answerTo(batcher, [2]));
    await pass(4);
    expect(executor.runs).toHaveLength(0);

    await pass(1);
    expect(executor.next.values).toEqual([1, 2]);
    executor.next.finish();
    expect(await Promise.all(answers)).toEqual([[2], [4]]);
  });

  test('a full batch does not wait for the delay', async () => {
    const { batcher, executor } = setUp({ maxQueueDelayMs: 20 });
    void answerTo(batcher, [1, 2]);
    void answerTo(batcher, [3, 4]);

    await pass();

    expect(executor.runs).toHaveLength(1);
  });

  test('one full batch is posted behind a running one, and a third is not', async () => {
    const { batcher, executor } = setUp();
    const answers = Promise.all(
      Array.from({ length: 12 }, (_, value) => answerTo(batcher, [value])),
    );
    await pass();
    expect(executor.runs.map(({ values }) => values)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);

    executor.next.finish();
    await pass();
    expect(executor.runs).toHaveLength(3);
    executor.next.finish();
    executor.next.finish();

    expect(await answers).toEqual(Array.from({ length: 12 }, (_, value) => [2 * value]));
  });

  test('a part-filled batch follows shortly before the running one should end', async () => {
    const { batcher, executor } = setUp();
    void answerTo(batcher, [0]);
    await pass();
    executor.next.finish(100);
    await pass();
    void answerTo(batcher, [1]);
    await pass();
    void answerTo(batcher, [2]);

    await pass(94);
    expect(executor.runs).toHaveLength(2);
    await pass(1);
    expect(executor.runs).toHaveLength(3);
  });

  test('idle instances share the work', async () => {
    const { batcher, executor } = setUp({}, 2);
    void answerTo(batcher, [1, 2, 3, 4]);
    void answerTo(batcher, [5]);

    await pass();

    expect(executor.runs.map(({ slot }) => slot)).toEqual([0, 1]);
  });

  test.each<[string, Partial<BatchRequest>]>([
    ['shapes', { inputs: [floats('x', [1, 2], [8, 9])] }],
    ['types', { inputs: [{ name: 'x', dtype: 'int32', shape: [1, 1], data: Int32Array.of(8) }] }],
    ['signatures', { signature: 'other' }],
    ['outputs', { outputs: ['y'] }],
  ])('requests of different %s never mix', async (_, other) => {
    const { batcher, executor } = setUp();
    const answers = Promise.all([
      ask(batcher, [1]),
      ask(batcher, [8], other),
      ask(batcher, [2]),
      ask(batcher, [8], other),
    ]);
    await pass();
    executor.next.finish();
    await pass();
    executor.next.finish();

    expect((await answers).map(({ batchRows }) => batchRows)).toEqual([2, 2, 2, 2]);
    expect(executor.runs[0]?.values).toEqual([1, 2]);
    expect(executor.runs[1]?.request).toMatchObject({
      signature: other.signature ?? 'serving_default',
      ...(other.outputs === undefined ? {} : { outputs: other.outputs }),
    });
  });

  test('a request of more rows than a batch is refused', async () => {
    const { batcher } = setUp();

    expect(await answerTo(batcher, [1, 2, 3, 4, 5])).toBe('INVALID_INPUT');
    expect(batcher.admission.admitted).toBe(0);
  });
});

describe('outputs whose rows are not those of the inputs', () => {
  const MEAN = [floats('mean', [1], [1])];

  test('are the answer to a request that ran alone, and batching stops', async () => {
    const onBatchingStopped = jest.fn();
    const { batcher, executor } = setUp({}, 1, { onBatchingStopped });
    const answer = answerTo(batcher, [1, 2]);
    await pass();
    executor.next.finish(1, MEAN);

    expect(await answer).toEqual([1]);
    expect(onBatchingStopped.mock.calls).toEqual([
      [
        'serving_default',
        'output "mean" has shape [1] for 2 rows: its rows are not those of the inputs',
      ],
    ]);
    expect([...batcher.stopped.keys()]).toEqual(['serving_default']);
  });

  test('make requests that shared a run, and those that wait, run one by one, as they are', async () => {
    const { batcher, executor } = setUp({ maxBatchSize: 4, allowedBatchSizes: [4] });
    const values = [[1], [2, 3], [4], [5], [6, 7, 8]];
    const answers = Promise.all(values.map((rows) => answerTo(batcher, rows)));
    await pass();
    while (executor.pending.length > 0) {
      const { values: given } = executor.next;
      executor.next.finish(1, [floats('sum', [], [given.reduce((sum, own) => sum + own, 0)])]);
      await pass();
    }

    expect(await answers).toEqual([[1], [5], [4], [5], [21]]);
    // Without padding, and never joined again.
    expect(executor.runs.slice(-values.length).map((run) => run.values)).toEqual(
      expect.arrayContaining(values),
    );
    const fresh = answerTo(batcher, [9]);
    await pass();
    expect(executor.next.values).toEqual([9]);
    executor.next.finish(1, MEAN);
    expect(await fresh).toEqual([1]);
  });

  test('are held against their signature alone', async () => {
    const { batcher, executor } = setUp({ maxBatchSize: 2 });
    const first = answerTo(batcher, [1]);
    await pass();
    executor.next.finish(1, [floats('mean', [], [1])]);
    await first;

    const others = Promise.all([1, 2].map((x) => answerTo(batcher, [x], { signature: 'other' })));
    await pass();
    expect(executor.next.values).toEqual([1, 2]);
    executor.next.finish();
    expect(await others).toEqual([[2], [4]]);
  });
});

describe('models that cannot be batched', () => {
  test('run each request alone and as it is', async () => {
    const { batcher, executor } = setUp({
      batchable: false,
      maxBatchSize: 1,
      allowedBatchSizes: [1],
      maxQueueDelayMs: 50,
    });
    const inputs = [floats('x', [3], [1, 2, 3])];
    const answers = Promise.all([
      answerTo(batcher, [], { inputs, rows: 1 }),
      answerTo(batcher, [], { inputs: [floats('x', [], [7])], rows: 1 }),
    ]);
    await pass();

    expect(executor.runs[0]?.inputs).toBe(inputs);
    expect(executor.runs.map(({ values }) => values)).toEqual([[1, 2, 3], [7]]);
    executor.next.finish();
    executor.next.finish();
    expect(await answers).toEqual([[2, 4, 6], [14]]);
  });
});

describe('requests that nobody waits for', () => {
  test('an aborted request leaves the queue at once and never runs', async () => {
    const { batcher, executor } = setUp({ maxQueueDelayMs: 50 });
    const caller = new AbortController();
    const gone = answerTo(batcher, [1], { signal: caller.signal });
    const stays = answerTo(batcher, [2]);
    await pass(10);

    caller.abort();
    expect(await gone).toBe('CLIENT_CLOSED_REQUEST');
    expect(batcher.queueDepth).toBe(1);
    await pass(40);
    expect(executor.runs.map(({ values }) => values)).toEqual([[2]]);
    executor.next.finish();
    expect(await stays).toEqual([4]);
  });

  test('a request whose caller had gone before it came never runs', async () => {
    const { batcher, executor } = setUp();

    expect(await answerTo(batcher, [1], { signal: AbortSignal.abort() })).toBe(
      'CLIENT_CLOSED_REQUEST',
    );
    expect(executor.runs).toEqual([]);
    expect(batcher.admission.admitted).toBe(0);
  });

  test('a caller that goes during the run disturbs nobody', async () => {
    const { batcher, executor } = setUp();
    const caller = new AbortController();
    const answers = Promise.all([
      answerTo(batcher, [1], { signal: caller.signal }),
      answerTo(batcher, [2]),
    ]);
    await pass();
    caller.abort();
    executor.next.finish();

    expect(await answers).toEqual([[2], [4]]);
  });

  test('a request without any instance is answered when its time in the queue is over', async () => {
    const { batcher, executor } = setUp({}, 0);
    const answer = answerTo(batcher, [1]);

    await pass(999);
    expect(batcher.queueDepth).toBe(1);
    await pass(1);

    expect(await answer).toBe('QUEUE_TIMEOUT');
    expect(executor.runs).toEqual([]);
    expect(batcher.admission.admitted).toBe(0);
  });

  test('expired requests are dropped before the cut, the others run', async () => {
    const { batcher, executor } = setUp();
    void answerTo(batcher, [0]);
    await pass();
    const late = answerTo(batcher, [1]);
    await pass(600);
    const inTime = answerTo(batcher, [2]);
    await pass(400);

    expect(await late).toBe('QUEUE_TIMEOUT');
    executor.next.finish();
    await pass();
    expect(executor.next.values).toEqual([2]);
    executor.next.finish();
    expect(await inTime).toEqual([4]);
  });

  test('no timer is left when the last request has gone', async () => {
    const { batcher } = setUp({}, 0);
    const caller = new AbortController();
    const gone = answerTo(batcher, [1], { signal: caller.signal });
    await pass();

    caller.abort();
    await gone;
    await pass();

    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('life of the queue', () => {
  test('a new instance takes what is queued', async () => {
    const { batcher, executor } = setUp({}, 0);
    const answer = answerTo(batcher, [1]);
    await pass(100);

    executor.instances = 1;
    batcher.poke();
    await pass();
    executor.next.finish();

    expect(await answer).toEqual([2]);
  });

  test('idle resolves at once when nothing is queued or running', async () => {
    const { batcher } = setUp();

    await expect(batcher.idle()).resolves.toBeUndefined();
  });

  test('idle resolves when the last run has ended, not before', async () => {
    const { batcher, executor } = setUp();
    const idle = jest.fn();
    void answerTo(batcher, [1]);
    void answerTo(batcher, [2], { inputs: [floats('x', [1, 2], [1, 2])] });
    void batcher.idle().then(idle);
    await pass();
    executor.next.finish();
    await pass();
    expect(idle).not.toHaveBeenCalled();

    executor.next.finish();
    await pass();

    expect(idle).toHaveBeenCalled();
    expect(jest.getTimerCount()).toBe(0);
  });

  test('queued requests can be answered with an error while running ones go on', async () => {
    const { batcher, executor } = setUp();
    const running = answerTo(batcher, [1]);
    await pass();
    const queued = answerTo(batcher, [2]);
    await pass();

    batcher.rejectQueued(new ServingError('DRAINING', 'The server is shutting down'));
    expect(await queued).toBe('DRAINING');
    executor.next.finish();

    expect(await running).toEqual([2]);
    await batcher.idle();
    expect(batcher.admission.admitted).toBe(0);
  });

  test('no timer is left when the queue was emptied', async () => {
    const { batcher } = setUp({}, 0);
    const queued = answerTo(batcher, [1]);
    await pass();

    batcher.rejectQueued(new ServingError('DRAINING', 'The server is shutting down'));
    await queued;
    await pass();

    expect(jest.getTimerCount()).toBe(0);
  });

  test('places in the queue are given back when the batch is cut', async () => {
    const { batcher } = setUp();
    void answerTo(batcher, [1]);
    expect(batcher.admission.admitted).toBe(1);

    await pass();

    expect(batcher.admission.admitted).toBe(0);
  });
});

describe('Retry-After', () => {
  /** What a request is told that finds the queue full. */
  async function retryAfter(instances: number, inferMs: number): Promise<number | undefined> {
    const { batcher, executor } = setUp({ maxQueueSize: 16, queueTimeoutMs: 1e6 }, instances);
    void answerTo(batcher, [0]);
    await pass();
    executor.next.finish(inferMs);
    await pass();
    batcher.admission.acquire(16);
    try {
      batcher.admission.acquire(1);
    } catch (thrown) {
      return toServingError(thrown).retryAfterS;
    }
    return undefined;
  }

  test('is the time that the queue should take', async () => {
    expect(await retryAfter(1, 1500)).toBe(6);
  });

  test('falls with the number of instances', async () => {
    expect(await retryAfter(2, 1500)).toBe(3);
  });

  test('is a second at least and a minute at most', async () => {
    expect(await retryAfter(1, 1)).toBe(1);
    expect(await retryAfter(1, 1e6)).toBe(60);
  });

  test('is a second before the first run', () => {
    const { batcher } = setUp({ maxQueueSize: 1 }, 0);
    batcher.admission.acquire(1);

    expect(() => batcher.admission.acquire(1)).toThrow(
      expect.objectContaining({ code: 'OVERLOADED', retryAfterS: 1 }),
    );
  });
});

describe('what can be scaled on', () => {
  const RUN_MS = 100;

  /** Lets time pass while every instance takes its runs one after the other, each RUN_MS long. */
  async function serve(executor: FakeExecutor, ms: number, began: (values: number[]) => void) {
    const freeAt = new Map<number, number>();
    const ends = new Map<(typeof executor.runs)[number], number>();
    for (let step = 0; step < ms; step += 1) {
      const now = performance.now();
      for (const run of executor.pending) {
        const end = ends.get(run);
        const busy = executor.pending.some((other) => other.slot === run.slot && ends.has(other));
        if (end === undefined && !busy && (freeAt.get(run.slot) ?? 0) <= now) {
          ends.set(run, now + RUN_MS);
          began([...run.values]);
        }
        if (end !== undefined && end <= now) {
          ends.delete(run);
          freeAt.set(run.slot, now);
          run.finish(RUN_MS);
        }
      }
      await pass(1);
    }
  }

  test.each([
    [1, 0],
    [1, 3],
    [1, 9],
    [1, 40],
    [2, 7],
    [2, 40],
    [3, 50],
  ])('%d instances, %d before: the estimated wait is the true one', async (instances, before) => {
    const { batcher, executor } = setUp({ queueTimeoutMs: 1e6 }, instances);
    // How long runs take is learnt from one.
    void answerTo(batcher, [-1]);
    await serve(executor, 2 * RUN_MS, () => undefined);
    for (let i = 0; i < before; i += 1) void answerTo(batcher, [i]);
    await serve(executor, 30, () => undefined);
    const estimated = batcher.estimatedWaitMs;
    const asked = performance.now();
    let begun = NaN;

    void answerTo(batcher, [1000]);
    await serve(executor, RUN_MS * (before + 2), (values) => {
      if (values.includes(1000)) begun = performance.now();
    });

    // A batch may still have room, or be cut for the instance that is free first.
    expect(Math.abs(begun - asked - estimated)).toBeLessThanOrEqual(RUN_MS);
  });

  test('utilization is the share of instances with a run', async () => {
    const { batcher } = setUp({}, 2);
    expect(batcher.utilization).toBe(0);
    void answerTo(batcher, [1]);
    await pass(1e6);

    expect(batcher.utilization).toBeCloseTo(0.5, 6);
  });

  test('without an instance, a request waits for one run at least', async () => {
    const { batcher, executor } = setUp();
    void answerTo(batcher, [1]);
    await pass();
    executor.next.finish(RUN_MS);
    await pass();
    executor.instances = 0;

    expect(batcher.estimatedWaitMs).toBe(RUN_MS);
    expect(batcher.utilization).toBeGreaterThanOrEqual(0);
  });
});
