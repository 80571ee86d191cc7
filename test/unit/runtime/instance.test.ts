import type { RunLostError } from '../../../src/kernel/run-lost-error';
import type { Tensor } from '../../../src/kernel/tensor';
import { ProcessInstance, type InstanceOptions } from '../../../src/runtime/instance';
import type {
  ChannelEvents,
  ChannelStart,
  InstanceChannel,
} from '../../../src/runtime/instance-channel';
import type { FromInstance, ToInstance } from '../../../src/runtime/messages';
import { SharedLane } from '../../../src/runtime/shared-lane';
import { fromWire, toWire } from '../../../src/runtime/wire-tensor';
import { floats, numbersOf } from '../../support/tensors';

const READY: FromInstance = { kind: 'ready', device: 'cpu', tensorflowVersion: '2.0.0', loadMs: 1 };
const RESTING = 100;

/** A process that says what the test says. */
class FakeProcess implements InstanceChannel {
  readonly processId = 4711;
  readonly posted: ToInstance[] = [];
  isKilled = false;
  memory = RESTING;
  kills = 0;
  start: ChannelStart | undefined;
  events: ChannelEvents | undefined;
  readonly lanes: SharedLane[] = [];

  post(message: ToInstance): void {
    this.posted.push(message);
  }

  kill(): void {
    this.isKilled = true;
  }

  say(message: FromInstance): void {
    this.events?.onMessage(message);
  }

  exit(signal?: NodeJS.Signals, exitCode?: number, complaint = ''): void {
    this.events?.onExit({ signal, exitCode, complaint });
  }

  /** The runs that were posted. */
  get runs(): Extract<ToInstance, { kind: 'run' }>[] {
    return this.posted.flatMap((message) => (message.kind === 'run' ? [message] : []));
  }

  /** Answers a run with its input doubled, as the real one does: through the lane. */
  answer(index = 0): void {
    const run = this.runs[index];
    const lane = this.lanes[run?.lane ?? -1];
    if (run === undefined || lane === undefined) throw new Error('there is no such run');
    const inputs = run.inputs.map((wire) => fromWire(wire, lane, run.capacity));
    lane.reset(run.used);
    const outputs = inputs.map((input) =>
      toWire(
        floats(
          'y',
          input.shape,
          numbersOf(input).map((value) => 2 * value),
        ),
        lane,
      ),
    );
    const { capacity } = lane;
    this.say({ kind: 'result', id: run.id, capacity, outputs, inferMs: 3, peakBytes: 7 });
  }
}

let child: FakeProcess;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick'] });
});
afterEach(() => {
  jest.useRealTimers();
});

function instanceOf(options: Partial<InstanceOptions> = {}): ProcessInstance {
  child = new FakeProcess();
  return new ProcessInstance(
    {
      directory: '/models/m/1',
      placement: { env: { A: '1' }, background: true },
      runTimeoutMs: 1000,
      loadTimeoutMs: 5000,
      ...options,
    },
    {
      openChannel: (start, events) => {
        child.start = start;
        child.events = events;
        return child;
      },
      createLane: (name) => {
        const lane = SharedLane.create(name);
        child.lanes.push(lane);
        return lane;
      },
      memoryOf: () => child.memory,
      memoryKills: () => child.kills,
    },
  );
}

async function readyInstance(options: Partial<InstanceOptions> = {}): Promise<ProcessInstance> {
  const instance = instanceOf(options);
  child.say(READY);
  await instance.ready;
  return instance;
}

function run(instance: ProcessInstance, tensor: Tensor) {
  return instance.run({ signature: 'serving_default', inputs: () => [tensor] });
}

function pass(ms: number): Promise<void> {
  return jest.advanceTimersByTimeAsync(ms).then(() => undefined);
}

test('a process is told what to load, where, and what it shares with the server', async () => {
  await readyInstance();

  expect(child.start).toEqual({
    directory: '/models/m/1',
    background: true,
    env: { A: '1' },
    lanes: child.lanes.map(({ descriptor }) => descriptor),
  });
});

test('inputs that were made in shared memory are not copied, outputs come back in memory of their own', async () => {
  const instance = await readyInstance();
  const result = instance.run({
    signature: 'serving_default',
    inputs: (allocate) => {
      const bytes = allocate(8);
      const data = new Float32Array(bytes.buffer, bytes.byteOffset, 2);
      data.set([1, 2]);
      return [{ name: 'x', dtype: 'float32', shape: [2], data }];
    },
  });
  // Where it was allocated: behind nothing.
  expect(child.runs[0]?.inputs).toEqual([
    { name: 'x', dtype: 'float32', shape: [2], offset: 0, bytes: 8 },
  ]);
  child.answer();
  const { outputs, inferMs, peakBytes } = await result;
  const again = run(instance, floats('x', [2], [50, 60]));
  child.answer(1);
  await again;

  expect(numbersOf(outputs[0])).toEqual([2, 4]);
  expect([inferMs, peakBytes]).toEqual([3, 7]);
});

test('two runs can be posted, each in memory of its own; a third is not taken', async () => {
  const instance = await readyInstance();
  const answers = Promise.all([
    run(instance, floats('x', [1], [1])),
    run(instance, floats('x', [1], [10])),
  ]);
  await expect(run(instance, floats('x', [1], [3]))).rejects.toMatchObject({ running: false });
  expect(instance.inFlight).toBe(2);
  child.answer(0);
  child.answer(1);

  expect((await answers).map(({ outputs }) => numbersOf(outputs[0]))).toEqual([[2], [20]]);
  expect(instance.inFlight).toBe(0);
});

test('inputs that cannot be made cost nothing but their run', async () => {
  const instance = await readyInstance();
  for (let attempt = 0; attempt < 3; attempt++) {
    const failed = instance.run({
      signature: 'serving_default',
      inputs: () => {
        throw new TypeError('a mistake of ours');
      },
    });
    await expect(failed).rejects.toThrow('a mistake of ours');
  }
  const answer = run(instance, floats('x', [1], [4]));
  child.answer();

  expect(numbersOf((await answer).outputs[0])).toEqual([8]);
});

test('what TensorFlow refuses is told with its code and device', async () => {
  const instance = await readyInstance();
  const failed = run(instance, floats('x', [1], [1]));
  const id = child.runs[0]?.id ?? 0;
  child.say({ kind: 'run-failed', id, message: 'no room', code: 'RESOURCE_EXHAUSTED' });

  await expect(failed).rejects.toMatchObject({ outOfMemory: true, device: 'cpu' });
});

describe('an input that memory does not suffice for', () => {
  async function refused(options: Partial<InstanceOptions>, ready: typeof READY = READY) {
    const instance = instanceOf(options);
    child.say(ready);
    await instance.ready;
    const failed = run(instance, floats('x', [1], [1]));
    const behind = run(instance, floats('x', [1], [2])).catch((thrown: unknown) => thrown);
    const id = child.runs[0]?.id ?? 0;
    child.say({ kind: 'run-failed', id, message: 'OOM', code: 'RESOURCE_EXHAUSTED' });
    await expect(failed).rejects.toMatchObject({ outOfMemory: true });
    return { instance, behind };
  }

  test('ends an instance whose memory is limited; what waited behind is not to blame', async () => {
    const { instance, behind } = await refused({ maxBytes: 1e9 });

    expect(await behind).toMatchObject({ running: false, end: { cause: 'renewal' } });
    expect(await instance.ended).toMatchObject({ cause: 'renewal' });
    expect(child.isKilled).toBe(true);
  });

  test.each([
    ['on a GPU, whose allocator stays as it was', { maxBytes: 1e9 }, { device: 'gpu' } as const],
    ['without a limit', {}, {}],
  ])('does not end it %s', async (_where, options, info) => {
    const { behind } = await refused(options, { ...READY, ...info });
    child.answer(1);

    await expect(behind).resolves.toHaveProperty('outputs');
    expect(child.isKilled).toBe(false);
  });
});

describe('the end of a process', () => {
  async function endOf(
    act: (instance: ProcessInstance) => void | Promise<void>,
    options: Partial<InstanceOptions> = {},
  ) {
    const instance = await readyInstance(options);
    const lost = run(instance, floats('x', [1], [1])).catch((thrown: unknown) => thrown);
    const behind = run(instance, floats('x', [1], [2])).catch((thrown: unknown) => thrown);
    await act(instance);
    const first = (await lost) as RunLostError;
    const second = (await behind) as RunLostError;
    expect([first.running, second.running]).toEqual([true, false]);
    expect(await instance.ended).toBe(first.end);
    expect(second.end).toBe(first.end);
    await expect(run(instance, floats('x', [1], [1]))).rejects.toMatchObject({ running: false });
    return { instance, end: first.end };
  }

  test('by a signal names it, and what was said last', async () => {
    const { end } = await endOf(() => {
      child.exit(
        'SIGABRT',
        undefined,
        'F0000 00:00:1.5  12 tensor.h:428] Check failed: index >= 0\n',
      );
    });

    expect(end).toEqual({
      cause: 'crash',
      signal: 'SIGABRT',
      exitCode: undefined,
      reason: 'it ended with SIGABRT: Check failed: index >= 0',
    });
  });

  test('by itself names its exit code', async () => {
    const { end } = await endOf(() => {
      child.exit(undefined, 7);
    });

    expect(end).toMatchObject({ cause: 'crash', exitCode: 7, reason: 'it ended with exit code 7' });
  });

  test('by the kernel for want of memory is told from any other SIGKILL', async () => {
    const killed = await endOf(() => {
      child.kills += 1;
      child.exit('SIGKILL');
    });
    const other = await endOf(() => {
      child.exit('SIGKILL');
    });

    expect(killed.end).toMatchObject({ cause: 'memory', signal: 'SIGKILL' });
    expect(other.end).toMatchObject({ cause: 'crash', signal: 'SIGKILL' });
  });

  test('by an allocation that nobody could answer for is a lack of memory', async () => {
    const { end } = await endOf(() => {
      child.exit('SIGABRT', undefined, 'terminate called …\n  what():  std::bad_alloc\n');
    });

    expect(end.cause).toBe('memory');
  });

  test('comes to one whose run takes too long', async () => {
    const { end } = await endOf(async () => {
      await pass(1000);
    });

    expect(child.isKilled).toBe(true);
    expect(end).toEqual({ cause: 'timeout', reason: 'a run took longer than 1000 ms' });
  });

  test('comes to one that takes more memory than it may', async () => {
    const { end } = await endOf(
      async () => {
        child.memory = 5 * 1024 * 1024;
        await pass(100);
      },
      { maxBytes: 4 * 1024 * 1024 },
    );

    expect(child.isKilled).toBe(true);
    expect(end).toEqual({
      cause: 'memory',
      reason: 'it took 5 MiB of memory and may take 4 MiB (maxInstanceMemory)',
    });
  });

  test('is known at once, and complete when the process is gone', async () => {
    const { instance } = await endOf((one) => {
      one.kill('it is not needed');
    });
    let gone = false;
    void instance.gone.then(() => (gone = true));
    await pass(0);
    expect(gone).toBe(false);

    child.exit('SIGKILL');
    await instance.gone;
  });
});

test('the deadline of a run counts from when it began, not from when it was posted', async () => {
  const instance = await readyInstance();
  const first = run(instance, floats('x', [1], [1]));
  const second = run(instance, floats('x', [1], [2]));
  await pass(900);
  child.answer(0);
  await first;
  await pass(900);
  expect(child.isKilled).toBe(false);
  child.answer(1);
  await second;

  await pass(10_000);
  expect(child.isKilled).toBe(false);
});

test('loading has a deadline and a limit of memory as well', async () => {
  const slow = instanceOf();
  await pass(5000);
  await expect(slow.ready).rejects.toThrow('loading the model took longer than 5000 ms');

  const large = instanceOf({ maxBytes: 50 });
  await pass(100);
  await expect(large.ready).rejects.toThrow('of memory and may take');
});

test('a model that cannot be loaded ends its process and tells why', async () => {
  const instance = instanceOf();
  child.say({ kind: 'load-failed', message: 'there is no saved_model.pb' });

  await expect(instance.ready).rejects.toThrow('there is no saved_model.pb');
  expect(child.isKilled).toBe(true);
});

test('once it is settled, room and excess are counted from what it holds', async () => {
  const instance = await readyInstance({ maxBytes: 1000 });
  instance.settle();
  expect(child.posted).toEqual([{ kind: 'settle', maxBytes: 1000 }]);
  child.say({ kind: 'settled', residentBytes: RESTING });
  child.memory = RESTING + 50;

  expect(instance.headroomBytes).toBe(900);
  expect(instance.excessBytes).toBe(50);
  expect(instance.residentBytes).toBe(150);
});

test('allocations of an instance on a GPU are not limited: the driver maps more than memory', async () => {
  const instance = instanceOf({ maxBytes: 1000 });
  child.say({ ...READY, device: 'gpu' });
  await instance.ready;
  instance.settle();

  expect(child.posted).toEqual([{ kind: 'settle', maxBytes: undefined }]);
});

test('closing waits for posted runs, and for the process, but not for ever', async () => {
  const instance = await readyInstance();
  const answer = run(instance, floats('x', [1], [1]));
  let closed = false;
  const closing = instance.close().then(() => (closed = true));
  expect(child.posted.at(-1)).toEqual({ kind: 'close' });
  child.answer();
  await answer;
  await pass(999);
  expect([closed, child.isKilled]).toEqual([false, false]);

  await pass(1);
  expect(child.isKilled).toBe(true);
  child.exit('SIGKILL');
  await closing;
});
