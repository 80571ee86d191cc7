import fc from 'fast-check';

import { documentSteps } from '../../../../src/http/json/read-document';
import type { JsonSlice } from '../../../../src/http/json/json-slice';
import { sinkOf } from '../../../../src/http/tensors/element-sink';
import { readElements, readNested } from '../../../../src/http/tensors/nested-reader';
import { flatJson, nestedJson } from '../../../../src/http/tensors/tensor-text';
import { eachByteString } from '../../../../src/kernel/byte-strings';
import type { DType } from '../../../../src/kernel/element-types';
import { isByteStrings, type Tensor, type TensorData } from '../../../../src/kernel/tensor';
import { atOnce } from '../../../../src/kernel/time-slices';
import { floats, strings } from '../../../support/tensors';

const STRINGS = { b64Objects: true };

function slice(text: string): JsonSlice {
  return atOnce(documentSteps(Buffer.from(text), { captures: true })) as JsonSlice;
}

function nested(dtype: DType, text: string): Tensor {
  return atOnce(readNested(slice(text), { name: 'x', dtype, strings: STRINGS }));
}

function flat(dtype: DType, text: string): TensorData {
  const found = slice(text);
  return atOnce(readElements(found, sinkOf(dtype, found.maxValues, true, STRINGS)));
}

function texts(data: TensorData): string[] {
  return isByteStrings(data)
    ? Array.from(eachByteString(data), (one) => Buffer.from(one).toString())
    : [];
}

const written = (pieces: Iterable<string>): string => [...pieces].join('');

test('a tensor written and read is the same tensor', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }).chain((shape) => {
        const size = shape.reduce((product, side) => product * side, 1);
        return fc.record({
          shape: fc.constant(shape),
          values: fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
            minLength: size,
            maxLength: size,
          }),
        });
      }),
      ({ shape, values }) => {
        const tensor = floats('x', shape, values);

        expect(nested('float32', written(nestedJson(tensor, false)))).toEqual(tensor);
        expect(flat('float32', written(flatJson(tensor, false)))).toEqual(tensor.data);
      },
    ),
  );
});

test('every number becomes the float32 that JSON.parse and Math.fround make of it', () => {
  const digits = fc.stringMatching(/^-?(0|[1-9]\d{0,18})(\.\d{1,20})?([eE][+-]?\d{1,2})?$/);
  const written32 = fc.float({ noNaN: true, noDefaultInfinity: true }).map(String);
  const between = fc
    .tuple(
      fc.float({ noNaN: true, noDefaultInfinity: true, min: 2 ** -99, max: 2 ** 99 }),
      fc.nat(40),
    )
    // Just beside the middle of two float32, where rounding is decided.
    .map(([value, off]) => {
      const bits = new BigUint64Array(Float64Array.of(value).buffer);
      bits[0] = (bits[0] ?? 0n) + 0x1000_0000n + BigInt(off - 20);
      return String(new Float64Array(bits.buffer)[0]);
    });
  fc.assert(
    fc.property(fc.oneof(digits, written32, between), (text) => {
      const expected = Math.fround(JSON.parse(text) as number);
      if (Number.isFinite(expected))
        expect(flat('float32', `[${text}]`)).toEqual(Float32Array.of(expected));
    }),
    { numRuns: 5000 },
  );
});

test('a tensor with no elements keeps its shape', () => {
  expect(written(nestedJson(floats('x', [2, 0], []), false))).toBe('[[],[]]');
  expect(nested('float32', '[[],[]]').shape).toEqual([2, 0]);
});

test('one value is a scalar, and blanks mean nothing', () => {
  expect(nested('int32', ' 7 ')).toMatchObject({ shape: [], data: Int32Array.of(7) });
  expect(nested('int32', '[ [ 1 ,\n2 ] , [3,4] ]')).toMatchObject({
    shape: [2, 2],
    data: Int32Array.of(1, 2, 3, 4),
  });
});

test.each<[string, DType, string, RegExp]>([
  ['uneven lists', 'float32', '[[1, 2], [3]]', /unexpected size: 1 at level: 1 expected size: 2/],
  [
    'a value among lists',
    'float32',
    '[[1], 2]',
    /JSON Value: 2 Type: Number is not of expected type: list of shape \[1\]/,
  ],
  ['a list among values', 'float32', '[1, [2]]', /unexpected level: 1/],
  ['a fraction as int32', 'int32', '[1.5]', /1.5.*not of expected type: int32/],
  ['an int32 out of range', 'int32', '[2147483648]', /not of expected type: int32/],
  ['a uint8 out of range', 'uint8', '[256]', /not of expected type: uint8/],
  ['a negative uint8', 'uint8', '[-1]', /not of expected type: uint8/],
  ['an int64 out of range', 'int64', '[9223372036854775808]', /not of expected type: int64/],
  ['a number as bool', 'bool', '[2]', /not of expected type: bool/],
  ['a number as string', 'string', '[1]', /not of expected type: string/],
  ['null', 'float32', '[null]', /Type: Null is not of expected type: float/],
  [
    'an object',
    'float32',
    '[{"a": [1]}]',
    /\{"a": \[1\]\} Type: Object is not of expected type: float/,
  ],
  ['a float32 out of range', 'float32', '[1e39]', /without loss of precision/],
  ['broken base64', 'string', '[{"b64": "!"}]', /Unable to base64 decode/],
  [
    'more than bytes in an object',
    'string',
    '[{"b64": "AA==", "c": 1}]',
    /not of expected type: string/,
  ],
  ['JSON without a value', 'float32', '[1,]', /JSON Parse error: Unexpected token "\]"/],
  ['JSON with two values', 'float32', '[1 2]', /JSON Parse error: Unexpected token "2"/],
  ['brackets that do not fit', 'float32', '[1}', /JSON Parse error: Unexpected token "\}"/],
])('%s is refused', (_what, dtype, text, message) => {
  expect(() => nested(dtype, text)).toThrow(message);
  if (!/uneven|among/.test(_what)) expect(() => flat(dtype, text)).toThrow(message);
});

test.each<[string, DType, string, string]>([
  [
    'beside others',
    'float32',
    '[1.5, null]',
    'Type: Null is not of expected type: float (input "x", element [1])',
  ],
  [
    'in a list',
    'int32',
    '[[1, 2], [3, 4.5]]',
    '4.5 Type: Number is not of expected type: int32 (input "x", element [1][1])',
  ],
  ['alone', 'float32', '"a"', '"a" Type: String is not of expected type: float (input "x")'],
  [
    'too short',
    'float32',
    '[[1, 2], [3]]',
    'unexpected size: 1 at level: 1 expected size: 2 (input "x", element [1])',
  ],
])('the element that is refused is named, %s', (_what, dtype, text, message) => {
  expect(() => nested(dtype, text)).toThrow(message);
});

test('of a flat list too, by its place', () => {
  expect(() => flat('float32', '[1.5, null]')).toThrow(
    'JSON Value: null Type: Null is not of expected type: float (element 1)',
  );
  expect(() => flat('int32', '[[1, 2], [3, "a"]]')).toThrow('(element 3)');
});

test('what is not a value at all is not JSON, rather than a value of another type', () => {
  for (const text of ['[1, nul]', '[1, None]', '[1, -x]', '[1, undefined]']) {
    expect(() => nested('float32', text)).toThrow(/JSON Parse error: Unexpected/);
    expect(() => flat('float32', text)).toThrow(/JSON Parse error: Unexpected/);
  }
});

test('beyond the numbers of a double is infinity; tokens are taken as TensorFlow Serving takes them', () => {
  const text = '[1.8e308, -1.8e308, 1e400, NaN, -NaN, Infinity, -Infinity, Inf, -Inf]';

  expect(flat('float32', text)).toEqual(
    Float32Array.of(
      ...[Infinity, -Infinity, Infinity, NaN, NaN, Infinity, -Infinity, Infinity, -Infinity],
    ),
  );
});

test('half a surrogate pair is refused: it has no bytes', () => {
  for (const text of [
    '"\\ud800"',
    '"a\\udc00b"',
    `"${'a'.repeat(100)}\\ud83d"`,
    '"\\ud800\\u0041"',
  ]) {
    expect(() => nested('string', `[${text}]`)).toThrow(/The surrogate pair in string is invalid/);
  }
  expect(texts(nested('string', '["\\ud83d\\ude00"]').data)).toEqual(['😀']);
});

test('the largest float32 is one, with as many digits as Python writes', () => {
  expect(
    flat('float32', '[3.4028234663852886e38, 3.4028234663852886e+38, -3.40282346638528859e38]'),
  ).toEqual(Float32Array.of(3.4028234663852886e38, 3.4028234663852886e38, -3.4028234663852886e38));
});

test('a flat tensor may come nested, in any way', () => {
  expect(flat('int32', '[[1,2],[3,4]]')).toEqual(Int32Array.of(1, 2, 3, 4));
  expect(flat('int32', '[[[1],2],[],3,[[4]]]')).toEqual(Int32Array.of(1, 2, 3, 4));
  expect(flat('int32', '5')).toEqual(Int32Array.of(5));
});

test('whole numbers are whole however they are written', () => {
  expect(flat('int64', '[9223372036854775807, -9223372036854775808, 1.0, 1e3]')).toEqual(
    BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n), 1n, 1000n),
  );
  expect(flat('bool', '[true, false, 1, 0]')).toEqual(Uint8Array.of(1, 0, 1, 0));
});

test('bytes come from text or base64, and go back as asked', () => {
  const { data } = nested('string', '["é", {"b64": "AP8="}]');

  expect(isByteStrings(data) && [...eachByteString(data)].map((one) => [...one])).toEqual([
    [0xc3, 0xa9],
    [0, 255],
  ]);
  const tensor: Tensor = { name: 'x', dtype: 'string', shape: [2], data };
  expect(written(nestedJson(tensor, true))).toBe('[{"b64":"w6k="},{"b64":"AP8="}]');
  expect(written(nestedJson({ ...tensor, shape: [1], data: strings('é') }, false))).toBe('["é"]');
});

test('every string is the one that JSON.parse reads, and is written as JSON.stringify writes it', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: 'binary', maxLength: 200 }).map((one) => Buffer.from(one).toString()),
        { maxLength: 5 },
      ),
      (list) => {
        const asBytes = list.map((one) => Buffer.from(one).toString());
        const text = JSON.stringify(list).replace(
          /[^ -~]/g,
          (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );

        expect(texts(nested('string', JSON.stringify(list)).data)).toEqual(asBytes);
        expect(texts(nested('string', text).data)).toEqual(asBytes);
        const tensor: Tensor = {
          name: 'x',
          dtype: 'string',
          shape: [list.length],
          data: strings(...list),
        };
        expect(JSON.parse(written(flatJson(tensor, false)))).toEqual(asBytes);
      },
    ),
  );
});

test.each(['"\\x"', '"\\u12g4"', '"\\u12', '"a\nb"', '"a'])('%j is not a string', (text) => {
  expect(() => nested('string', `[${text}]`)).toThrow(/JSON Parse error/);
});

test('long strings are written in pieces that make one text', () => {
  const long = 'é"\n'.repeat(200_000);
  const tensor: Tensor = { name: 'x', dtype: 'string', shape: [1], data: strings(long) };

  const pieces = [...flatJson(tensor, false)];

  expect(pieces.length).toBeGreaterThan(4);
  expect(JSON.parse(pieces.join(''))).toEqual([long]);
  expect(written(flatJson(tensor, true))).toBe(
    `[{"b64":"${Buffer.from(long).toString('base64')}"}]`,
  );
});
