import type { InstanceEnd } from '../../../src/kernel/run-lost-error';
import {
  InstanceGroup,
  type InstanceGroupEvents,
  type InstanceGroupOptions,
} from '../../../src/runtime/instance-group';
import { FakeInstance } from '../../support/fake-instance';

const CRASH: InstanceEnd = { cause: 'crash', reason: 'it ended with SIGSEGV', signal: 'SIGSEGV' };
const RUN = { signature: 'serving_default', inputs: () => [] };

let made: FakeInstance[];
/** Whether fresh instances load at once. */
let loadsAtOnce: boolean;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick'] });
  made = [];
  loadsAtOnce = true;
});
afterEach(() => {
  jest.useRealTimers();
});

function groupOf(
  instances: number,
  options: Partial<InstanceGroupOptions> = {},
  events: InstanceGroupEvents = {},
): InstanceGroup {
  return new InstanceGroup(
    {
      directory: () => '/models/m/1',
      placements: Array.from({ length: instances }, () => ({ env: {}, background: true })),
      runTimeoutMs: 1000,
      loadTimeoutMs: 1000,
      warmup: () => Promise.resolve(),
      createInstance: (one) => {
        const instance = new FakeInstance(one);
        made.push(instance);
        if (loadsAtOnce) instance.loaded();
        return instance;
      },
      ...options,
    },
    events,
  );
}

function pass(ms = 0): Promise<void> {
  return jest.advanceTimersByTimeAsync(ms).then(() => undefined);
}

function last(): FakeInstance {
  const instance = made.at(-1);
  if (instance === undefined) throw new Error('no instance was made');
  return instance;
}

test('the first instance is loaded and warmed alone, then all the others', async () => {
  loadsAtOnce = false;
  const group = groupOf(3);
  const started = group.start();
  await pass();
  expect(made).toHaveLength(1);

  last().loaded();
  await pass();
  expect(made).toHaveLength(3);
  expect(group.readyCount).toBe(1);

  for (const instance of made) instance.loaded();
  await started;
  expect(group.readyCount).toBe(3);
  expect(made.map(({ isSettled }) => isSettled)).toEqual([true, true, true]);
});

test('an instance takes no work before it is warm', async () => {
  let warm: () => void = () => undefined;
  const group = groupOf(1, { warmup: () => new Promise((resolve) => (warm = resolve)) });
  const started = group.start();
  await pass();

  expect(group.readyCount).toBe(0);
  await expect(group.run(0, RUN)).rejects.toMatchObject({ running: false });
  warm();
  await started;
  expect(group.snapshot()).toEqual([{ index: 0, inFlight: 0 }]);
});

test('a group whose model cannot be loaded is closed, and says why', async () => {
  loadsAtOnce = false;
  const group = groupOf(2);
  const started = group.start();
  const failed = expect(started).rejects.toThrow('there is no saved_model.pb');
  await pass();
  last().cannotLoad('there is no saved_model.pb');

  await failed;
  await pass(60_000);
  expect(made).toHaveLength(1);
});

test('a lost instance is replaced at once, and then with longer and longer pauses', async () => {
  const starts: number[] = [];
  const group = groupOf(1, {
    backoffMs: 100,
    maxBackoffMs: 1000,
    createInstance: (one) => {
      starts.push(performance.now());
      const instance = new FakeInstance(one);
      made.push(instance);
      instance.loaded();
      return instance;
    },
  });
  await group.start();

  for (let loss = 0; loss < 6; loss++) {
    last().end(CRASH);
    await pass(1000);
  }

  const pauses = starts.slice(1).map((at, i) => at - (i * 1000 + (starts[0] ?? 0)));
  expect(pauses).toEqual([0, 200, 400, 800, 1000, 1000]);
});

test('a run that is answered makes the next loss a first one again', async () => {
  const group = groupOf(1);
  await group.start();
  for (let loss = 0; loss < 3; loss++) {
    last().end(CRASH);
    await pass(60_000);
  }
  const run = group.run(0, RUN);
  last().pending[0]?.finish();
  await run;

  last().end(CRASH);
  await pass(0);

  expect(made).toHaveLength(5);
});

test('a successor starts when nothing of its predecessor is left, and readiness tells the truth meanwhile', async () => {
  const onLost = jest.fn();
  const onChange = jest.fn();
  const group = groupOf(1, {}, { onLost, onChange });
  await group.start();
  onChange.mockClear();

  last().end(CRASH, { stays: true });
  await pass(10_000);

  expect(onLost.mock.calls).toEqual([[0, CRASH]]);
  expect(onChange).toHaveBeenCalled();
  expect(group.readyCount).toBe(0);
  expect(group.restarts).toBe(1);
  expect(made).toHaveLength(1);
  last().vanish();
  await pass();
  expect(group.readyCount).toBe(1);
});

test('one that cannot start is tried again and again, and the reason is told', async () => {
  const onStartFailed = jest.fn();
  const group = groupOf(1, { backoffMs: 10, maxBackoffMs: 10 }, { onStartFailed });
  await group.start();
  loadsAtOnce = false;
  last().end(CRASH);
  for (let attempt = 0; attempt < 3; attempt++) {
    await pass(10);
    last().cannotLoad('the disk is gone');
  }
  await pass(10);
  last().loaded();
  await pass();

  expect(onStartFailed.mock.calls).toEqual(new Array(3).fill([0, 'the disk is gone']));
  expect(group.readyCount).toBe(1);
});

test('a loss leaves the other instances alone', async () => {
  const group = groupOf(2);
  await group.start();
  const run = group.run(1, RUN);

  made[0]?.end(CRASH);
  await pass();
  made[1]?.pending[0]?.finish();

  await expect(run).resolves.toMatchObject({ outputs: [] });
});

test('runs of a lost instance are lost; only the first was being run', async () => {
  const group = groupOf(1);
  await group.start();
  const runs = Promise.allSettled([group.run(0, RUN), group.run(0, RUN)]);
  last().end(CRASH);

  expect(await runs).toMatchObject([
    { reason: { end: CRASH, running: true } },
    { reason: { end: CRASH, running: false } },
  ]);
});

test('closing waits for runs; killing does not; neither starts anything again', async () => {
  const closed = groupOf(1);
  await closed.start();
  const run = closed.run(0, RUN);
  const closing = closed.close();
  expect(closed.readyCount).toBe(0);
  last().pending[0]?.finish();
  await run;
  await closing;

  const killed = groupOf(1);
  await killed.start();
  const lost = expect(killed.run(0, RUN)).rejects.toMatchObject({ end: { cause: 'closed' } });
  killed.kill();
  await lost;

  await pass(60_000);
  expect(made).toHaveLength(2);
});

test('closing ends an instance that is still loading', async () => {
  loadsAtOnce = false;
  const group = groupOf(1);
  const started = expect(group.start()).rejects.toThrow('closed');
  await pass();

  await group.close();

  await started;
});

test('an instance that ends to be renewed is replaced at once, each time, and is no loss', async () => {
  const onRenewed = jest.fn();
  const onLost = jest.fn();
  const group = groupOf(1, { backoffMs: 100 }, { onRenewed, onLost });
  await group.start();

  for (let time = 2; time < 6; time += 1) {
    last().end({ cause: 'renewal', reason: 'it is spoilt' });
    await pass(1);
    expect(made).toHaveLength(time);
    expect(group.readyCount).toBe(1);
  }

  expect(onRenewed.mock.calls).toEqual(new Array(4).fill([0, 'it is spoilt']));
  expect(onLost).not.toHaveBeenCalled();
  expect([group.restarts, group.failingMs]).toEqual([0, 0]);
});

describe('an instance that keeps memory from large runs', () => {
  const LARGE = 300 * 1024 * 1024;

  async function afterLargeRun(excessBytes: number) {
    const onRenewed = jest.fn();
    const onLost = jest.fn();
    const group = groupOf(1, { idleMs: 5000 }, { onRenewed, onLost });
    await group.start();
    const [old] = made;
    const run = group.run(0, RUN);
    old?.pending[0]?.finish();
    await run;
    if (old !== undefined) old.excessBytes = excessBytes;
    return { group, old, onRenewed, onLost };
  }

  test('is renewed when it has been idle for a while: the successor serves first', async () => {
    loadsAtOnce = true;
    const { group, old, onRenewed, onLost } = await afterLargeRun(LARGE);
    loadsAtOnce = false;

    await pass(4999);
    expect(made).toHaveLength(1);
    await pass(1);
    expect(made).toHaveLength(2);
    expect(group.readyCount).toBe(1);
    expect(old?.isClosing).toBe(false);

    last().loaded();
    await pass();
    expect(old?.isClosing).toBe(true);
    expect(onRenewed.mock.calls).toEqual([[0, 'it kept 300 MiB of memory from larger runs']]);
    expect(group.readyCount).toBe(1);
    // It was no loss.
    expect(onLost).not.toHaveBeenCalled();
    expect(group.restarts).toBe(0);
  });

  test('stays where it keeps little, and while it is used', async () => {
    const { group, old } = await afterLargeRun(1024);
    await pass(60_000);
    expect(made).toHaveLength(1);

    if (old !== undefined) old.excessBytes = LARGE;
    for (let second = 0; second < 20; second++) {
      const run = group.run(0, RUN);
      await pass(1000);
      old?.pending[0]?.finish();
      await run;
    }
    expect(made).toHaveLength(1);
  });

  test('goes on serving when its successor cannot start', async () => {
    const { group, old } = await afterLargeRun(LARGE);
    loadsAtOnce = false;
    await pass(5000);

    last().cannotLoad('there is too little memory');
    await pass();

    expect(group.readyCount).toBe(1);
    const run = group.run(0, RUN);
    old?.pending[0]?.finish();
    await expect(run).resolves.toMatchObject({ outputs: [] });
  });
});

test('how long nothing has worked is counted from the loss to the next start that works', async () => {
  const group = groupOf(1, {
    warmup: async (instance) => {
      const run = instance.run(RUN);
      last().pending[0]?.finish();
      await run;
    },
  });
  await group.start();
  expect(group.failingMs).toBe(0);
  loadsAtOnce = false;
  last().end(CRASH);

  await pass(5000);
  expect(group.failingMs).toBe(5000);
  last().loaded();
  await pass();
  expect(group.failingMs).toBe(0);
});

test('an instance that starts and is lost again before it has answered does not work', async () => {
  const group = groupOf(1, { backoffMs: 1, maxBackoffMs: 1 });
  await group.start();
  last().end(CRASH);
  await pass(10);
  expect(group.failingMs).toBe(0);

  last().end(CRASH);
  await pass(1000);
  expect(group.failingMs).toBeGreaterThan(0);
  const run = group.run(0, RUN);
  last().pending[0]?.finish();
  await run;

  expect(group.failingMs).toBe(0);
});
