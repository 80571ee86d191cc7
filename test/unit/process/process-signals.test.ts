import { EventEmitter } from 'node:events';

import {
  ProcessSignals,
  type EndCause,
  type SignalActions,
} from '../../../src/process/process-signals';

let source: EventEmitter;
let left: number[];
let signals: ProcessSignals;

beforeEach(() => {
  jest.useFakeTimers();
  source = new EventEmitter();
  left = [];
  signals = new ProcessSignals({ source, leave: (code) => left.push(code) });
});
afterEach(() => {
  jest.useRealTimers();
});

/** Actions that note what they were asked; the stop ends when the test says so. */
function handOver(overrides: Partial<SignalActions> = {}): {
  readonly asked: (EndCause | 'reload')[];
  readonly finish: () => Promise<void>;
} {
  const asked: (EndCause | 'reload')[] = [];
  let finish = (): void => undefined;
  signals.handOver({
    reload: () => asked.push('reload'),
    stop: (cause) => {
      asked.push(cause);
      return new Promise((resolve) => {
        finish = resolve;
      });
    },
    stopTimeoutMs: 5000,
    ...overrides,
  });
  return {
    asked,
    finish: async () => {
      finish();
      await jest.advanceTimersByTimeAsync(0);
    },
  };
}

test.each(['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGUSR2'] as const)(
  '%s stops, and the process is left once that is done',
  async (signal) => {
    const { asked, finish } = handOver();

    source.emit(signal);
    expect([asked, left]).toEqual([[{ kind: 'signal', signal }], []]);
    await finish();

    expect(left).toEqual([0]);
  },
);

test.each(['SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGABRT', 'SIGTRAP'])(
  '%s is left to the system',
  (signal) => {
    expect(source.listenerCount(signal)).toBe(0);
  },
);

test('an error nobody caught stops with exit code 1', async () => {
  const error = new Error('oh');
  const { asked, finish } = handOver();

  source.emit('uncaughtException', error);
  await finish();

  expect(asked).toEqual([{ kind: 'error', error }]);
  expect(left).toEqual([1]);
});

test('SIGHUP before there is a server is made up for', () => {
  source.emit('SIGHUP');
  source.emit('SIGHUP');

  const { asked } = handOver();
  source.emit('SIGHUP');

  expect(asked).toEqual(['reload', 'reload']);
});

test('SIGHUP while it stops does nothing', () => {
  const { asked } = handOver();

  source.emit('SIGTERM');
  source.emit('SIGHUP');

  expect(asked).toHaveLength(1);
});

test('SIGTERM before there is a server ends the process at once, without a fault', async () => {
  source.emit('SIGTERM');
  await jest.advanceTimersByTimeAsync(0);

  expect(left).toEqual([0]);
});

test('a second signal leaves at once', () => {
  handOver();

  source.emit('SIGTERM');
  source.emit('SIGINT');

  expect(left).toEqual([1]);
});

test('the same signal again at once is the same one, and later it is a second one', () => {
  const { asked } = handOver();

  source.emit('SIGINT');
  jest.advanceTimersByTime(100);
  source.emit('SIGINT');
  expect(left).toEqual([]);
  jest.advanceTimersByTime(1000);
  source.emit('SIGINT');

  expect(asked).toHaveLength(1);
  expect(left).toEqual([1]);
});

test('a parent that goes while it stops is no second signal', () => {
  handOver();

  source.emit('SIGTERM');
  signals.stop({ kind: 'orphaned' });

  expect(left).toEqual([]);
});

test('a stop that hangs is given up', () => {
  handOver({ stopTimeoutMs: 7000 });

  source.emit('SIGTERM');
  jest.advanceTimersByTime(6999);
  expect(left).toEqual([]);
  jest.advanceTimersByTime(1);

  expect(left).toEqual([1]);
});

test('a stop that fails leaves with exit code 1', async () => {
  jest.spyOn(console, 'error').mockImplementationOnce(() => undefined);
  handOver({ stop: () => Promise.reject(new Error('cannot')) });

  source.emit('SIGTERM');
  await jest.advanceTimersByTimeAsync(0);

  expect(left).toEqual([1]);
});
