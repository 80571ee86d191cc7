import fc from 'fast-check';

import type { BatcherEvents } from '../../../src/batching/batch-executor';
import type { BatchingOptions } from '../../../src/batching/batching-options';
import { DynamicBatcher } from '../../../src/batching/dynamic-batcher';
import { toServingError, type ErrorCode } from '../../../src/kernel/errors';
import { RunFailedError } from '../../../src/kernel/run-failed-error';
import { RunLostError, type InstanceEnd } from '../../../src/kernel/run-lost-error';
import { FakeExecutor, type PendingRun } from '../../support/fake-executor';
import { floats, numbersOf } from '../../support/tensors';

/** What dynamic-batcher.ts does when a run fails. */

const OPTIONS: BatchingOptions = {
  maxBatchSize: 8,
  allowedBatchSizes: [1, 2, 4, 8],
  maxQueueDelayMs: 0,
  maxQueueSize: 100,
  queueTimeoutMs: 1000,
  batchable: true,
};

const REFUSED = new RunFailedError(
  'assertion failed: x must be positive\nat node Assert',
  'INVALID_ARGUMENT',
);
const OUT_OF_MEMORY = new RunFailedError('no room for a tensor', 'RESOURCE_EXHAUSTED', 'gpu');
const CRASH: InstanceEnd = { cause: 'crash', reason: 'it ended with SIGSEGV', signal: 'SIGSEGV' };
const LOST = new RunLostError(CRASH, true);
/** It only waited behind the run that the instance was lost with. */
const BEHIND = new RunLostError(CRASH, false);
const TOO_LARGE = new RunLostError({ cause: 'memory', reason: 'it took 9 GiB of memory' }, true);

function setUp(options: Partial<BatchingOptions> = {}, instances = 1, events: BatcherEvents = {}) {
  const executor = new FakeExecutor(instances);
  const batcher = new DynamicBatcher({ ...OPTIONS, ...options }, executor, events);
  return { executor, batcher };
}

function answerTo(
  batcher: DynamicBatcher,
  values: readonly number[],
  signal?: AbortSignal,
): Promise<number[] | ErrorCode> {
  return batcher
    .submit(
      {
        signature: 'serving_default',
        inputs: [floats('x', [values.length, 1], values)],
        rows: values.length,
        ...(signal === undefined ? {} : { signal }),
      },
      batcher.admission.acquire(1),
    )
    .then(
      ({ outputs }) => numbersOf(outputs[0]),
      (thrown: unknown) => toServingError(thrown).code,
    );
}

function answersTo(batcher: DynamicBatcher, values: readonly number[]) {
  return Promise.all(values.map((value) => answerTo(batcher, [value])));
}

function pass(ms = 0): Promise<void> {
  return jest.advanceTimersByTimeAsync(ms).then(() => undefined);
}

/** Ends every run, as it comes, as `end` does. */
async function runAll(executor: FakeExecutor, end: (run: PendingRun) => void): Promise<void> {
  await pass();
  while (executor.pending.length > 0) {
    end(executor.next);
    await pass();
  }
}

/** Nothing may be left behind, whatever happened. */
async function expectAtRest(batcher: DynamicBatcher): Promise<void> {
  await batcher.idle();
  expect(batcher.queueDepth).toBe(0);
  expect(batcher.admission.admitted).toBe(0);
  expect(jest.getTimerCount()).toBe(0);
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick'] });
});

afterEach(() => {
  jest.useRealTimers();
});

describe('a batch that the model refuses', () => {
  test('is split until only the guilty request fails', async () => {
    const onSplit = jest.fn();
    const { batcher, executor } = setUp({}, 1, { onSplit });
    const answers = answersTo(batcher, [1, 2, -3, 4]);

    await runAll(executor, (run) => {
      if (run.values.includes(-3)) run.fail(REFUSED);
      else run.finish();
    });

    expect(await answers).toEqual([[2], [4], 'INFERENCE_FAILED', [8]]);
    expect(onSplit.mock.calls).toEqual([
      [4, REFUSED.message],
      [2, REFUSED.message],
    ]);
    await expectAtRest(batcher);
  });

  test('finds any number of guilty requests at any position', async () => {
    const requests = fc.array(
      fc.record({ rows: fc.integer({ min: 1, max: 3 }), guilty: fc.boolean() }),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(requests, fc.integer({ min: 1, max: 3 }), async (requests, instances) => {
        const { batcher, executor } = setUp({ queueTimeoutMs: 1e6 }, instances);
        const inputs = requests.map(({ rows, guilty }, i) =>
          Array.from({ length: rows }, (_, row) => (guilty ? -1 : 1) * (10 * i + row + 1)),
        );
        const answers = Promise.all(inputs.map((values) => answerTo(batcher, values)));

        await runAll(executor, (run) => {
          if (run.values.some((value) => value < 0)) run.fail(REFUSED);
          else run.finish();
        });

        expect(await answers).toEqual(
          inputs.map((values, i) =>
            requests[i]?.guilty === true ? 'INFERENCE_FAILED' : values.map((value) => 2 * value),
          ),
        );
        await expectAtRest(batcher);
      }),
      { numRuns: 40 },
    );
  });

  test('tells the client the first line of the reason and keeps the cause', async () => {
    const { batcher, executor } = setUp();
    const answer = batcher.submit(
      { signature: 'serving_default', inputs: [floats('x', [1, 1], [-1])], rows: 1 },
      batcher.admission.acquire(1),
    );
    const refused = expect(answer).rejects.toMatchObject({
      message: 'The model failed on this input: assertion failed: x must be positive',
      cause: REFUSED,
    });
    await runAll(executor, (run) => {
      run.fail(REFUSED);
    });
    await refused;
  });

  test('keeps fresh requests away from the suspects', async () => {
    const { batcher, executor } = setUp();
    const suspects = answersTo(batcher, [1, -2]);
    await pass(1);
    const fresh = answersTo(batcher, [3]);
    await pass();
    executor.next.fail(REFUSED);

    await runAll(executor, (run) => {
      if (run.values.includes(-2)) run.fail(REFUSED);
      else run.finish();
    });

    expect(await suspects).toEqual([[2], 'INFERENCE_FAILED']);
    expect(await fresh).toEqual([[6]]);
    expect(executor.runs.at(-1)?.values).toEqual([3]);
    expect(executor.runs.map(({ values }) => values)).not.toContainEqual([1, 3]);
  });
});

describe('a run that fails for another reason', () => {
  test('fails all its requests as internal, without a retry', async () => {
    const { batcher, executor } = setUp();
    const answers = answersTo(batcher, [1, 2]);

    await runAll(executor, (run) => {
      run.fail(new TypeError('a mistake of ours'));
    });

    expect(await answers).toEqual(['INTERNAL', 'INTERNAL']);
    expect(executor.runs).toHaveLength(1);
    await expectAtRest(batcher);
  });

  test('leaves the batcher in order when the executor throws instead of answering', async () => {
    const { batcher, executor } = setUp();
    jest.spyOn(executor, 'run').mockImplementationOnce(() => {
      throw new Error('no such instance');
    });

    expect(await answerTo(batcher, [1])).toBe('INTERNAL');
    await expectAtRest(batcher);
  });
});

describe('out of memory', () => {
  test('halves the limit and runs everything again in smaller batches', async () => {
    const onLimitLowered = jest.fn();
    const { batcher, executor } = setUp({}, 1, { onLimitLowered });
    const answers = answersTo(batcher, [1, 2, 3, 4, 5, 6, 7, 8]);

    await runAll(executor, (run) => {
      if (run.values.length > 2) run.fail(OUT_OF_MEMORY);
      else run.finish();
    });

    expect(await answers).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((value) => [2 * value]));
    expect(batcher.batchLimit).toBe(2);
    expect(onLimitLowered.mock.calls.map(([limit]: unknown[]) => limit)).toEqual([4, 2]);
    await expectAtRest(batcher);
  });

  test('is not brought back by padding', async () => {
    const { batcher, executor } = setUp({ allowedBatchSizes: [1, 8] });
    const answers = answersTo(batcher, [1, 2, 3]);

    await runAll(executor, (run) => {
      if (run.values.length > 4) run.fail(OUT_OF_MEMORY);
      else run.finish();
    });

    expect(await answers).toEqual([[2], [4], [6]]);
    expect(executor.runs.map(({ values }) => values.length)).toEqual([8, 3]);
  });

  test('fails a request that is too large alone, with a time to come back', async () => {
    const { batcher, executor } = setUp();
    const answer = batcher.submit(
      { signature: 'serving_default', inputs: [floats('x', [1, 1], [1])], rows: 1 },
      batcher.admission.acquire(1),
    );
    const refused = expect(answer).rejects.toMatchObject({ code: 'OUT_OF_MEMORY', retryAfterS: 1 });
    await runAll(executor, (run) => {
      run.fail(OUT_OF_MEMORY);
    });

    await refused;
    // Requests of other sizes have nothing to do with it.
    expect(batcher.batchLimit).toBe(8);
    await expectAtRest(batcher);
  });

  test('of an instance that may take no more is final', async () => {
    const { batcher, executor } = setUp();
    const answer = answerTo(batcher, [1]);
    await runAll(executor, (run) => {
      run.fail(new RunFailedError('no room for a tensor', 'RESOURCE_EXHAUSTED', 'cpu'));
    });

    expect(await answer).toBe('MODEL_OUT_OF_MEMORY');
    expect(executor.runs).toHaveLength(1);
  });

  test('that cost the instance is tried in smaller batches, and never again at the same size', async () => {
    const { batcher, executor } = setUp();
    const answers = answersTo(batcher, [1, 2, -3, 4]);

    await runAll(executor, (run) => {
      if (run.values.includes(-3)) run.fail(TOO_LARGE);
      else run.finish();
    });

    expect(await answers).toEqual([[2], [4], 'MODEL_OUT_OF_MEMORY', [8]]);
    expect(executor.runs.filter(({ values }) => values.includes(-3))).toHaveLength(3);
    await expectAtRest(batcher);
  });

  test('limits what has as many bytes, not what has fewer', async () => {
    const { batcher, executor } = setUp();
    const wide = Array.from({ length: 2 }, () =>
      batcher.submit(
        {
          signature: 'serving_default',
          inputs: [floats('x', [1, 100], new Array<number>(100).fill(-1))],
          rows: 1,
        },
        batcher.admission.acquire(1),
      ),
    );
    await runAll(executor, (run) => {
      if (run.values.length > 100) run.fail(OUT_OF_MEMORY);
      else run.finish();
    });
    await Promise.all(wide);
    expect(batcher.batchLimit).toBe(1);

    const answers = answersTo(batcher, [1, 2, 3, 4, 5, 6, 7, 8]);
    await runAll(executor, (run) => {
      run.finish();
    });

    await answers;
    expect(executor.runs.at(-1)?.values).toHaveLength(8);
  });

  test('ends for every request when nothing fits any more', async () => {
    const { batcher, executor } = setUp();
    const answers = answersTo(batcher, [1, 2, 3, 4, 5]);

    await runAll(executor, (run) => {
      run.fail(OUT_OF_MEMORY);
    });

    expect(new Set(await answers)).toEqual(new Set(['OUT_OF_MEMORY']));
    expect(executor.runs.length).toBeLessThan(12);
    await expectAtRest(batcher);
  });

  test('of two batches posted together lowers the limit once and still runs both', async () => {
    const { batcher, executor } = setUp();
    const values = Array.from({ length: 16 }, (_, i) => i);
    const answers = answersTo(batcher, values);

    await runAll(executor, (run) => {
      if (run.values.length > 4) run.fail(OUT_OF_MEMORY);
      else run.finish();
    });

    expect(await answers).toEqual(values.map((value) => [2 * value]));
    expect(batcher.batchLimit).toBe(4);
  });

  test('a request admitted before the limit fell goes alone', async () => {
    const { batcher, executor } = setUp();
    const answers = Promise.all([[1, 2, 3, 4, 5], [6], [7]].map((v) => answerTo(batcher, v)));
    let failed = 0;

    await runAll(executor, (run) => {
      if (run.values.length === 8 && failed++ === 0) run.fail(OUT_OF_MEMORY);
      else run.finish();
    });

    expect(await answers).toEqual([[2, 4, 6, 8, 10], [12], [14]]);
    expect(executor.runs.map(({ values }) => values)).toEqual([
      [1, 2, 3, 4, 5, 6, 7, 1],
      [1, 2, 3, 4, 5],
      [6, 7],
    ]);
  });
});

describe('a lost instance', () => {
  test('costs its requests nothing: each is run alone elsewhere', async () => {
    const { batcher, executor } = setUp();
    const answers = answersTo(batcher, [1, 2, 3]);
    await pass();
    executor.next.fail(LOST);

    await runAll(executor, (run) => {
      run.finish();
    });

    expect(await answers).toEqual([[2], [4], [6]]);
    expect(executor.runs.slice(1).map(({ values }) => values)).toEqual([[1], [2], [3]]);
    await expectAtRest(batcher);
  });

  test('is answered when a request has cost two of them, which is never tried a third time', async () => {
    const { batcher, executor } = setUp();
    const answers = answersTo(batcher, [1, 2, -3]);

    await runAll(executor, (run) => {
      if (run.values.includes(-3)) run.fail(LOST);
      else run.finish();
    });

    expect(await answers).toEqual([[2], [4], 'MODEL_CRASHED']);
    expect(executor.runs.filter(({ values }) => values.includes(-3))).toHaveLength(2);
    await expectAtRest(batcher);
  });

  test('is not held against what only waited behind the run', async () => {
    const { batcher, executor } = setUp({ maxBatchSize: 2, allowedBatchSizes: [1, 2] });
    const answers = answersTo(batcher, [1, 2]);
    await pass();
    const behind = answersTo(batcher, [3, 4]);
    await pass();
    // However often it comes behind what kills.
    for (let round = 0; round < 3; round++) {
      const waiting = executor.pending.find(({ values }) => values.includes(3));
      waiting?.fail(BEHIND);
      await pass();
    }

    await runAll(executor, (run) => {
      run.finish();
    });

    expect(await answers).toEqual([[2], [4]]);
    expect(await behind).toEqual([[6], [8]]);
    // Together all the time: nothing pointed at either.
    expect(executor.runs.map(({ values }) => values)).not.toContainEqual([3]);
    await expectAtRest(batcher);
  });

  test('of a server that shuts down is told as that', async () => {
    const { batcher, executor } = setUp();
    const answer = answerTo(batcher, [1]);
    await runAll(executor, (run) => {
      run.fail(new RunLostError({ cause: 'closed', reason: 'the group was closed' }, true));
    });

    expect(await answer).toBe('DRAINING');
    await expectAtRest(batcher);
  });

  test('that is not replaced leaves the request to its time-out', async () => {
    const { batcher, executor } = setUp();
    const answer = answerTo(batcher, [1]);
    await pass();
    executor.next.fail(LOST);
    executor.instances = 0;

    await pass(1000);

    expect(await answer).toBe('QUEUE_TIMEOUT');
    await expectAtRest(batcher);
  });
});

describe('a request that waits for its second run', () => {
  async function lostAndWaiting(signal?: AbortSignal) {
    const { batcher, executor } = setUp();
    const answer = answerTo(batcher, [1], signal);
    await pass();
    await pass(400);
    executor.instances = 0;
    const fresh = answerTo(batcher, [2]);
    await pass();
    executor.runs[0]?.fail(LOST);
    await pass();
    return { batcher, executor, answer, fresh };
  }

  test('times out by its own deadline, not by that of a younger request', async () => {
    const { batcher, answer, fresh } = await lostAndWaiting();

    await pass(600);

    expect(batcher.queueDepth).toBe(1);
    expect(await answer).toBe('QUEUE_TIMEOUT');
    await pass(400);
    expect(await fresh).toBe('QUEUE_TIMEOUT');
    await expectAtRest(batcher);
  });

  test('leaves the queue when its caller goes', async () => {
    const caller = new AbortController();
    const { batcher, answer } = await lostAndWaiting(caller.signal);

    caller.abort();
    await pass();

    expect(batcher.queueDepth).toBe(1);
    expect(await answer).toBe('CLIENT_CLOSED_REQUEST');
  });
});
