import fc from 'fast-check';

import { ServingError } from '../../../../src/kernel/errors';
import { parseLossless, type JsonValue } from '../../../../src/http/json/lossless-json';
import { parseJson } from '../../../../src/http/json/parse-json';

const LIMITS = { maxDepth: 3, maxContainers: 10, maxValues: 20 };

function parse(text: string): unknown {
  return parseJson(Buffer.from(text), { limits: LIMITS });
}

function failure(text: string): ServingError {
  try {
    parse(text);
  } catch (thrown) {
    if (thrown instanceof ServingError) return thrown;
  }
  throw new Error('it was not refused');
}

/** Whole numbers beyond 2^53 as JSON.parse has them. */
function asNumbers(value: JsonValue): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return (value as JsonValue[]).map(asNumbers);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, asNumbers(inner)]);
  return Object.fromEntries(entries as [string, unknown][]);
}

test('every JSON document is read as JSON.parse reads it, by both parsers', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 3 }), (text) => {
      const expected: unknown = JSON.parse(text);
      expect(asNumbers(parseJson(Buffer.from(text)))).toEqual(expected);
      expect(asNumbers(parseLossless(text))).toEqual(expected);
    }),
  );
});

test('what JSON.parse refuses, the lossless parser refuses', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[[\]{}:,"\\0-9.eE+\- tfnu]{0,12}$/), (text) => {
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      if (valid) expect(() => parseLossless(text)).not.toThrow();
      else expect(() => parseLossless(text)).toThrow(SyntaxError);
    }),
    { numRuns: 2000 },
  );
});

test('NaN and infinities are numbers', () => {
  expect(parse('[NaN, Infinity, -Infinity, 1]')).toEqual([NaN, Infinity, -Infinity, 1]);
});

test.each([
  ['9007199254740993', 9007199254740993n],
  ['-9223372036854775808', -9223372036854775808n],
  ['9007199254740991', 9007199254740991],
  ['0.1234567890123456789', 0.12345678901234568],
  ['12345678901234567890.5', 12345678901234567000],
])('%s is exact where it is a whole number', (text, value) => {
  expect(parse(`[${text}]`)).toEqual([value]);
});

test('with integersAsBigInt 1 and 1.0 differ', () => {
  expect(parseJson(Buffer.from('[1, 1.0, 1e0]'), { integersAsBigInt: true })).toEqual([1n, 1, 1]);
});

test('words inside strings make nothing special', () => {
  expect(parse('{"NaN": "Infinity \\" 12345678901234567890"}')).toEqual({
    NaN: 'Infinity " 12345678901234567890',
  });
});

test('a key named __proto__ is a key', () => {
  const parsed = parse('{"__proto__": NaN}') as object;

  expect(Object.keys(parsed)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
});

test.each([
  ['too deep', '[[[[1]]]]', 'BAD_REQUEST', /nested deeper than 3/],
  ['too many values', `[${'1,'.repeat(25)}1]`, 'PAYLOAD_TOO_LARGE', /26 values/],
  ['too many lists', `[${'[],'.repeat(11)}1]`, 'PAYLOAD_TOO_LARGE', /12 lists and objects/],
  ['empty', '', 'BAD_REQUEST', /The document is empty/],
  ['cut short', '[1, 2', 'BAD_REQUEST', /JSON Parse error/],
  ['cut short in a string', '["a', 'BAD_REQUEST', /JSON Parse error/],
  ['two documents', '[] []', 'BAD_REQUEST', /JSON Parse error/],
  ['an unknown word', '[NaN, Nan]', 'BAD_REQUEST', /JSON Parse error/],
])('%s is refused', (_what, text, code, message) => {
  const error = failure(text);

  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
});

test('what is nested too deep is refused in one pass, however long it is', () => {
  expect(failure('['.repeat(5_000_000)).code).toBe('BAD_REQUEST');
});

test('brackets and quotes inside strings do not count', () => {
  expect(parse(JSON.stringify(['[[[[[[', '\\"[[[[', 'x'.repeat(100) + '\\"[[[[']))).toHaveLength(3);
});
