import { Uploads, type Upload } from '../../../../src/http/body/uploads';
import type { ServingError } from '../../../../src/kernel/errors';

let cut: string[];

beforeEach(() => {
  jest.useFakeTimers();
  cut = [];
});
afterEach(() => {
  jest.useRealTimers();
});

function create(options: { maxUploads?: number; minBytesPerSecond?: number } = {}): {
  readonly uploads: Uploads;
  readonly begin: (name: string, address?: string) => Upload;
} {
  const uploads = new Uploads({
    maxUploads: 4,
    minBytesPerSecond: 100,
    graceMs: 5000,
    ...options,
  });
  return {
    uploads,
    begin: (name, address = name) =>
      uploads.begin(address, (error: ServingError) => {
        cut.push(`${name} ${error.code}`);
      }),
  };
}

test('a body that sends next to nothing is cut when its grace is over', () => {
  const { uploads, begin } = create();
  begin('silent');
  const steady = begin('steady');
  const stalled = begin('stalled');
  stalled.received(100_000);

  for (let second = 1; second <= 4; second++) {
    jest.advanceTimersByTime(1000);
    steady.received(150);
  }
  expect(cut).toEqual([]);
  for (let second = 5; second <= 12; second++) {
    jest.advanceTimersByTime(1000);
    steady.received(150);
  }

  // What was sent long ago does not count for ever.
  expect(cut).toEqual(['silent REQUEST_TIMEOUT', 'stalled REQUEST_TIMEOUT']);
  expect(uploads.size).toBe(1);
});

test('with a rate of 0 nobody is cut', () => {
  const { begin } = create({ minBytesPerSecond: 0 });
  begin('silent');

  jest.advanceTimersByTime(60_000);

  expect(cut).toEqual([]);
});

test('where all places are taken the slowest gives way to a newcomer', () => {
  const { uploads, begin } = create();
  const bodies = ['a', 'b', 'c', 'd'].map((name) => begin(name));
  bodies.forEach((body, index) => {
    body.received(1000 - 100 * index);
  });
  jest.advanceTimersByTime(1500);

  begin('newcomer');

  expect(cut).toEqual(['d REQUEST_TIMEOUT']);
  expect(uploads.size).toBe(4);
});

test('bodies that have only begun do not give way', () => {
  const { begin } = create();
  for (const name of ['a', 'b', 'c', 'd']) begin(name);

  expect(() => begin('newcomer')).toThrow(
    expect.objectContaining({ code: 'OVERLOADED', retryAfterS: 1 }),
  );
  expect(cut).toEqual([]);
});

test('one address has half of the places at most', () => {
  const { begin } = create();
  const first = begin('a', '10.0.0.1');
  begin('b', '10.0.0.1');

  expect(() => begin('c', '10.0.0.1')).toThrow(/2 bodies are being read from this address already/);
  begin('other', '10.0.0.2');
  first.end();
  first.end();
  begin('d', '10.0.0.1');

  expect(cut).toEqual([]);
});

test('nothing is left running when no body is read', () => {
  const { begin } = create();
  const body = begin('a');
  expect(jest.getTimerCount()).toBe(1);

  body.end();

  expect(jest.getTimerCount()).toBe(0);
});
