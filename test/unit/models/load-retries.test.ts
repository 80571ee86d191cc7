import { LoadRetries } from '../../../src/models/load-retries';

const NOW = Date.UTC(2026, 0, 1);
let tried: string[];
let retries: LoadRetries;

beforeEach(() => {
  jest.useFakeTimers({ now: NOW });
  tried = [];
  retries = new LoadRetries({
    maxRetries: 2,
    intervalMs: 60_000,
    retry: (model, version) => tried.push(`${model} ${version}`),
  });
});
afterEach(() => {
  retries.clear();
  jest.useRealTimers();
});

test('a version that failed is tried again after the interval', () => {
  const planned = retries.failed('m', 1, 'files');

  expect(planned).toEqual({ attempt: 1, of: 2, at: NOW + 60_000 });
  expect(retries.planned('m')).toEqual(new Map([[1, planned]]));
  jest.advanceTimersByTime(59_999);
  expect(tried).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(tried).toEqual(['m 1']);
  expect(retries.planned('m').size).toBe(0);
});

test('it is given up after so many attempts', () => {
  const planned = [1, 2, 3].map(() => {
    const plan = retries.failed('m', 1, 'files');
    jest.advanceTimersByTime(60_000);
    return plan?.attempt;
  });

  expect(planned).toEqual([1, 2, undefined]);
  expect(tried).toHaveLength(2);
});

test('other files are counted afresh, and take the place of what was planned', () => {
  retries.failed('m', 1, 'files');
  jest.advanceTimersByTime(60_000);
  retries.failed('m', 1, 'files');

  expect(retries.failed('m', 1, 'other files')?.attempt).toBe(1);
  jest.advanceTimersByTime(60_000);
  expect(tried).toHaveLength(2);
});

test('what is forgotten is not tried again, and counted afresh', () => {
  retries.failed('m', 1, 'files');
  retries.failed('m', 2, 'files');
  retries.failed('other', 1, 'files');

  retries.forget('m', 1);
  jest.advanceTimersByTime(60_000);
  expect(tried).toEqual(['m 2', 'other 1']);

  retries.failed('m', 2, 'files');
  retries.forget('m');
  expect(retries.failed('m', 2, 'files')?.attempt).toBe(1);
});

test('after clear nothing is tried again', () => {
  retries.failed('m', 1, 'files');
  retries.failed('other', 1, 'files');

  retries.clear();
  jest.advanceTimersByTime(600_000);

  expect(tried).toEqual([]);
});
