import fc from 'fast-check';

import {
  numbersOver as numbersOverSteps,
  type NumberArray,
  type NumericDatatype,
} from '../../../../src/http/oip/number-arrays';
import { atOnce } from '../../../../src/kernel/time-slices';

function numbersOver(...given: Parameters<typeof numbersOverSteps>): NumberArray {
  return atOnce(numbersOverSteps(...given));
}

const ARRAYS: Readonly<Partial<Record<NumericDatatype, fc.Arbitrary<NumberArray>>>> = {
  UINT8: fc.uint8Array(),
  INT8: fc.int8Array(),
  UINT16: fc.uint16Array(),
  INT16: fc.int16Array(),
  UINT32: fc.uint32Array(),
  INT32: fc.int32Array(),
  UINT64: fc.bigUint64Array(),
  INT64: fc.bigInt64Array(),
  FP32: fc.float32Array(),
  FP64: fc.float64Array(),
};

test.each(Object.entries(ARRAYS))('%s comes through, aligned or not', (datatype, arrays) => {
  fc.assert(
    fc.property(arrays, fc.nat(8), (array, off) => {
      const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
      const body = new Uint8Array(off + bytes.length);
      body.set(bytes, off);

      const read = numbersOver('x', datatype as NumericDatatype, body.subarray(off));

      expect(read).toEqual(array);
    }),
  );
});

test('aligned bytes are not copied', () => {
  const body = new Uint8Array(16);

  expect(numbersOver('x', 'FP32', body.subarray(4)).buffer).toBe(body.buffer);
  expect(numbersOver('x', 'FP32', body.subarray(5, 9)).buffer).not.toBe(body.buffer);
});

test.each([
  ['FP16', [0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00, 0xfc00, 0x8000]],
  ['BF16', [0x3f80, 0xc000, 0x7f7f, 0x0001, 0x0080, 0x7f80, 0xff80, 0x8000]],
] as const)('%s is widened exactly', (datatype, bits) => {
  const expected = {
    FP16: [1, -2, 65504, 2 ** -24, 2 ** -14, Infinity, -Infinity, -0],
    BF16: [1, -2, 2 ** 127 * (2 - 2 ** -7), 2 ** -133, 2 ** -126, Infinity, -Infinity, -0],
  };

  const read = numbersOver('x', datatype, new Uint8Array(Uint16Array.from(bits).buffer));

  expect([...read]).toEqual(expected[datatype]);
});

test('NaN in half floats stays NaN', () => {
  const bytes = new Uint8Array(Uint16Array.of(0x7e00).buffer);

  expect([...numbersOver('x', 'FP16', bytes)]).toEqual([NaN]);
});

test('bytes that end within an element are refused', () => {
  expect(() => numbersOver('x', 'INT64', new Uint8Array(12))).toThrow(
    /input "x" was given 12 bytes, and an element of INT64 has 8/,
  );
});
