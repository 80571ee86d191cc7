import { RunEstimates } from '../../../src/batching/run-estimates';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

test('before the first run nothing is known', () => {
  const estimates = new RunEstimates();
  estimates.begin(0, 'a');

  expect(estimates.typicalMs).toBe(0);
  expect(estimates.expectedEndAt(0)).toBeUndefined();
  expect(estimates.expectedEndAt(1)).toBeUndefined();
});

test('the first run of all is the typical one', () => {
  const estimates = new RunEstimates();

  estimates.learn('a', 100);

  expect(estimates.typicalMs).toBe(100);
});

test('averages move towards the newest run', () => {
  const estimates = new RunEstimates();
  const startedAt = performance.now();
  estimates.begin(0, 'a');

  estimates.learn('a', 100);
  estimates.learn('a', 200);

  expect(estimates.expectedEndAt(0)).toBeCloseTo(startedAt + 130);
  expect(estimates.typicalMs).toBeCloseTo(130);
});

test('kinds are told apart', () => {
  const estimates = new RunEstimates();
  estimates.learn('a', 100);
  estimates.learn('b', 10);
  const startedAt = performance.now();
  estimates.begin(0, 'a');
  estimates.begin(1, 'b');
  estimates.begin(2, 'c');

  expect([0, 1, 2].map((slot) => estimates.expectedEndAt(slot))).toEqual([
    startedAt + 100,
    startedAt + 10,
    undefined,
  ]);
});

test('a batch behind another starts when the first has ended', () => {
  const estimates = new RunEstimates();
  estimates.learn('a', 100);
  estimates.learn('b', 10);
  const startedAt = performance.now();
  const finished = estimates.begin(0, 'a');
  estimates.begin(0, 'b');

  expect(estimates.expectedEndAt(0)).toBe(startedAt + 100);
  jest.advanceTimersByTime(120);
  finished();
  expect(estimates.expectedEndAt(0)).toBe(startedAt + 120 + 10);
});

test('an instance without a batch has no expected end', () => {
  const estimates = new RunEstimates();
  estimates.learn('a', 100);

  estimates.begin(0, 'a')();

  expect(estimates.expectedEndAt(0)).toBeUndefined();
});

test('the kinds used longest ago are forgotten', () => {
  const estimates = new RunEstimates();
  estimates.learn('kept', 1);
  estimates.learn('forgotten', 1);
  for (let i = 0; i < 255; i++) {
    estimates.learn(`other ${i}`, 1);
    estimates.learn('kept', 1);
  }
  estimates.begin(0, 'kept');
  estimates.begin(1, 'forgotten');

  expect(estimates.expectedEndAt(0)).toBeDefined();
  expect(estimates.expectedEndAt(1)).toBeUndefined();
});
