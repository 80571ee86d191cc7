import { ServingClientError } from '../../../src/client/client-error';
import { retryAfterMs } from '../../../src/client/response-error';
import { retryDelayMs } from '../../../src/client/retry-policy';

const POLICY = { retries: 3, baseDelayMs: 100, maxDelayMs: 1000 };
const overloaded = new ServingClientError('full', { code: 'OVERLOADED', status: 429 });

test('the pauses double up to the longest, and chance takes up to half of each away', () => {
  const longest = [1, 2, 3, 4, 5].map((failed) =>
    retryDelayMs(overloaded, failed, Infinity, { ...POLICY, retries: 9, maxDelayMs: 500 }, 1),
  );
  const shortest = retryDelayMs(overloaded, 1, Infinity, POLICY, 0);

  expect(longest).toEqual([100, 200, 400, 500, 500]);
  expect(shortest).toBe(50);
});

test('there are no more attempts than allowed', () => {
  expect(retryDelayMs(overloaded, 3, Infinity, POLICY, 1)).toBe(400);
  expect(retryDelayMs(overloaded, 4, Infinity, POLICY, 1)).toBeUndefined();
});

test.each([
  ['429', { code: 'OVERLOADED', status: 429 }, true],
  ['503', { code: 'MODEL_NOT_READY', status: 503 }, true],
  ['503 of a proxy', { code: 'HTTP_ERROR', status: 503 }, true],
  ['a lost connection', { code: 'CONNECTION_FAILED' }, true],
  ['400', { code: 'INVALID_INPUT', status: 400 }, false],
  ['500', { code: 'INTERNAL', status: 500 }, false],
  ['504', { code: 'QUEUE_TIMEOUT', status: 504 }, false],
  ['an answer that cannot be read', { code: 'INVALID_RESPONSE', status: 200 }, false],
] as const)('whether %s is tried again', (_what, options, tried) => {
  const delay = retryDelayMs(new ServingClientError('', options), 1, Infinity, POLICY, 1);

  expect(delay !== undefined).toBe(tried);
});

test('Retry-After of the server comes first, then the pause', () => {
  const busy = new ServingClientError('', { code: 'OVERLOADED', status: 429, retryAfterMs: 2000 });

  expect(retryDelayMs(busy, 1, Infinity, POLICY, 1)).toBe(2100);
});

test('nothing is tried again when the call would be over by then', () => {
  expect(retryDelayMs(overloaded, 1, 100, POLICY, 1)).toBeUndefined();
  expect(retryDelayMs(overloaded, 1, 101, POLICY, 1)).toBe(100);
});

test.each([
  ['3', 3000],
  ['0', 0],
  ['Mon, 23 Nov 2026 12:00:10 GMT', 10_000],
  ['Mon, 23 Nov 2026 11:00:00 GMT', 0],
  ['soon', undefined],
  [null, undefined],
])('Retry-After: %s means %s ms', (header, expected) => {
  expect(retryAfterMs(header, Date.parse('2026-11-23T12:00:00Z'))).toBe(expected);
});
