import fc from 'fast-check';

import { ServingError } from '../../../../src/kernel/errors';
import { JsonSlice } from '../../../../src/http/json/json-slice';
import type { JsonValue } from '../../../../src/http/json/json-value';
import {
  documentSteps,
  type Captures,
  type ReadDocumentOptions,
} from '../../../../src/http/json/read-document';
import { atOnce } from '../../../../src/kernel/time-slices';

const SMALL = { maxDepth: 3, maxContainers: 10, maxValues: 20, maxKeys: 5 };
const LARGE = { maxDepth: 64, maxContainers: 1e6, maxValues: 1e6, maxKeys: 1e6 };

function read(text: string, options: ReadDocumentOptions = { limits: SMALL }): JsonValue {
  return atOnce(documentSteps(Buffer.from(text), options));
}

function failure(text: string, options?: ReadDocumentOptions): ServingError {
  try {
    read(text, options);
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

/** How many pauses the work makes. */
function pauses(text: string, options: ReadDocumentOptions): number {
  const steps = documentSteps(Buffer.from(text), options);
  let count = 0;
  while (steps.next().done !== true) count += 1;
  return count;
}

test('every JSON document is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 3 }), (text) => {
      expect(asNumbers(read(text, { limits: LARGE }))).toEqual(JSON.parse(text));
    }),
  );
});

test('every number is the number that JSON.parse makes of it', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^-?(0|[1-9]\d{0,20})(\.\d{1,20})?([eE][+-]?\d{1,3})?$/),
      (text) => {
        expect(asNumbers(read(text))).toBe(JSON.parse(text));
      },
    ),
    { numRuns: 2000 },
  );
});

test('what JSON.parse refuses is refused', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[[\]{}:,"\\0-9.eE+\- tfnu]{0,12}$/), (text) => {
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      if (valid) expect(() => read(text, { limits: LARGE })).not.toThrow();
      else expect(() => read(text, { limits: LARGE })).toThrow(/^JSON Parse error/);
    }),
    { numRuns: 2000 },
  );
});

test('NaN and infinities are numbers', () => {
  expect(read('[NaN, Infinity, -Infinity, 1]')).toEqual([NaN, Infinity, -Infinity, 1]);
});

test.each([
  ['9007199254740993', 9007199254740993n],
  ['-9223372036854775808', -9223372036854775808n],
  ['9007199254740991', 9007199254740991],
  ['0.1234567890123456789', 0.12345678901234568],
  ['12345678901234567890.5', 12345678901234567000],
])('%s is exact where it is a whole number', (text, value) => {
  expect(read(`[${text}]`)).toEqual([value]);
});

test('words inside strings make nothing special', () => {
  expect(read('{"NaN": "Infinity \\" 12345678901234567890"}')).toEqual({
    NaN: 'Infinity " 12345678901234567890',
  });
});

test('a key named __proto__ is a key', () => {
  const parsed = read('{"__proto__": NaN}') as object;

  expect(Object.keys(parsed)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
});

test('a byte-order mark is not part of the document', () => {
  expect(read('\uFEFF{"a": 1}')).toEqual({ a: 1 });
});

test.each([
  ['too deep', '[[[[1]]]]', 'BAD_REQUEST', /nested deeper than 3/],
  ['too many values', `[${'1,'.repeat(25)}1]`, 'PAYLOAD_TOO_LARGE', /more than 20 values/],
  ['too many lists', `[${'[],'.repeat(11)}1]`, 'PAYLOAD_TOO_LARGE', /more than 10 lists/],
  ['too many names', '{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1}', 'PAYLOAD_TOO_LARGE', /5 names/],
  ['a number without end', `[${'9'.repeat(5000)}]`, 'BAD_REQUEST', /number of more than 1200/],
  ['a name without end', `{"${'a'.repeat(5000)}":1}`, 'BAD_REQUEST', /text of more than 4096/],
  ['empty', '', 'BAD_REQUEST', /The document is empty/],
  ['cut short', '[1, 2', 'BAD_REQUEST', /JSON Parse error: Unexpected end/],
  ['cut short in a string', '["a', 'BAD_REQUEST', /JSON Parse error/],
  ['two documents', '[] []', 'BAD_REQUEST', /JSON Parse error/],
  ['an unknown word', '[NaN, Nan]', 'BAD_REQUEST', /JSON Parse error/],
])('%s is refused', (_what, text, code, message) => {
  const error = failure(text);

  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
});

test('bytes that are not UTF-8 are refused', () => {
  expect(() => atOnce(documentSteps(Buffer.from([0x22, 0xff, 0x22]), {}))).toThrow(/not UTF-8/);
});

test('what is nested too deep is refused in one pass, however long it is', () => {
  expect(failure('['.repeat(5_000_000)).code).toBe('BAD_REQUEST');
});

test('brackets and quotes inside strings do not count', () => {
  expect(read(JSON.stringify(['[[[[[[', '\\"[[[[', 'x'.repeat(100) + '\\"[[[[']))).toHaveLength(3);
});

describe('captured values', () => {
  const captures: Captures = { data: true, items: { '*': { data: true } } };
  const captured = (value: JsonValue | undefined): unknown =>
    value instanceof JsonSlice ? value.bytes.toString('utf8', value.start, value.end) : value;

  test.each(['[[1, 2], "]\\"[", {"a": [3]}]', '{"data": 1}', '"text, \\" with ] all"', '1.5e3'])(
    '%s stays where it is',
    (text) => {
      const document = read(`{"data":${text} , "other": [1], "items": [{"data": ${text}}]}`, {
        captures,
      });

      const { data, other, items } = document as Record<string, JsonValue>;
      const [item] = items as readonly Record<string, JsonValue>[];
      expect(String(captured(data)).trim()).toBe(text);
      expect(other).toEqual([1]);
      expect(captured(item?.data)).toBe(text);
    },
  );

  test('are counted by limits of their own, before anything is made of them', () => {
    const options = { captures, limits: SMALL, capturedLimits: { ...SMALL, maxValues: 30 } };

    expect(() => read(`{"data":[${'1,'.repeat(25)}1]}`, options)).not.toThrow();
    expect(failure(`{"data":[${'1,'.repeat(35)}1]}`, options).message).toMatch(/30 values/);
    expect(failure(`{"data":[[[[1]]]]}`, options).message).toMatch(/nested deeper/);
    expect(failure(`{"data":[${'9'.repeat(5000)}]}`, options).message).toMatch(/number of more/);
  });

  test('say how many values they hold at most', () => {
    const { data } = read('{"data":[[1,2],[3,4]]}', { captures }) as { data: JsonSlice };

    expect(data.maxValues).toBe(4);
  });

  test('pause while they are long, whatever they are made of', () => {
    const options = { captures, capturedLimits: LARGE };
    const limit = 1_000_000;
    for (const unit of ['1,', '[1],', '"",', '"\\"",', '{"a":1},', `"${'\\"'.repeat(50)}",`]) {
      const text = unit.repeat(limit / unit.length / 2);
      expect(pauses(`{"data":[${text}1]}`, options)).toBeGreaterThan(limit / 2 / 40_000);
    }
    expect(pauses(`{"data":"${'\\\\'.repeat(limit)}"}`, options)).toBeGreaterThan(10);
  });
});
