import { onParentGone } from '../../../src/process/parent-watch';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test('a parent that has gone is told once', () => {
  let parent = 7;
  const gone = jest.fn();
  onParentGone(gone, () => parent);

  jest.advanceTimersByTime(10_000);
  expect(gone).not.toHaveBeenCalled();
  parent = 1;
  jest.advanceTimersByTime(10_000);

  expect(gone).toHaveBeenCalledTimes(1);
});

test('a process that is a child of the first one from the start has lost nobody', () => {
  const gone = jest.fn();
  const timer = onParentGone(gone, () => 1);

  jest.advanceTimersByTime(10_000);

  expect(gone).not.toHaveBeenCalled();
  clearInterval(timer);
});
