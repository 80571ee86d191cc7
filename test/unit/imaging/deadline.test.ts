import { within } from '../../../src/imaging/deadline';
import type { Steps } from '../../../src/kernel/time-slices';

/** Work that takes `ms` by the clock that the test turns. */
function* work(clock: { now: number }, steps: number, ms: number): Steps<string> {
  for (let step = 0; step < steps; step++) {
    clock.now += ms;
    yield;
  }
  return 'done';
}

function run<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

let clock: { now: number };
beforeEach(() => {
  clock = { now: 1000 };
  jest.spyOn(performance, 'now').mockImplementation(() => clock.now);
});
afterEach(() => {
  jest.restoreAllMocks();
});

test('work that keeps to its time is done', () => {
  expect(run(within(work(clock, 10, 99), 1, 'bmp'))).toBe('done');
});

test('work that does not is ended, and not called damage', () => {
  expect(() => run(within(work(clock, 20, 99), 1, 'bmp'))).toThrow(
    expect.objectContaining({
      code: 'DECODE_TIMEOUT',
      message: 'The BMP file took too long to decode',
    }),
  );
});

test('0 seconds are any time', () => {
  expect(run(within(work(clock, 20, 1e6), 0, 'bmp'))).toBe('done');
});
