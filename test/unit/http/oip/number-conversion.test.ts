import {
  convertible,
  convertNumbers,
  isBetweenFloats,
  type ConversionOptions,
} from '../../../../src/http/oip/number-conversion';
import { atOnce } from '../../../../src/kernel/time-slices';
import { toHalfBits } from '../../../../src/kernel/half-floats';
import type { NumericData } from '../../../../src/kernel/element-types';

type Given = Parameters<typeof convertNumbers>;

function convert(options: ConversionOptions, ...given: [Given[0], Given[1], Given[2], Given[3]]) {
  return atOnce<NumericData>(convertNumbers(...given, options));
}

function convertExactly(...given: [Given[0], Given[1], Given[2], Given[3]]): NumericData {
  return convert({ rounds: false }, ...given);
}

test('numbers that stay the same are converted', () => {
  expect(convertExactly('x', 'FP64', Float64Array.of(0.5, -2, NaN, Infinity), 'float32')).toEqual(
    Float32Array.of(0.5, -2, NaN, Infinity),
  );
  expect(convertExactly('x', 'UINT16', Uint16Array.of(0, 65535), 'int32')).toEqual(
    Int32Array.of(0, 65535),
  );
  expect(convertExactly('x', 'UINT64', BigUint64Array.of(2n ** 53n), 'int64')).toEqual(
    BigInt64Array.of(2n ** 53n),
  );
  expect(convertExactly('x', 'INT64', BigInt64Array.of(-7n), 'int32')).toEqual(Int32Array.of(-7));
  expect(convertExactly('x', 'INT64', BigInt64Array.of(2n ** 40n), 'float32')).toEqual(
    Float32Array.of(2 ** 40),
  );
});

test.each([
  ['a fraction', 'FP64', Float64Array.of(0.1), 'float32', '0.1'],
  ['a number too large for a float', 'FP64', Float64Array.of(1e300), 'float32', '1e\\+300'],
  ['too many digits for a float', 'INT32', Int32Array.of(2 ** 24 + 1), 'float32', '16777217'],
  ['too many digits of 64 bits', 'INT64', BigInt64Array.of(2n ** 53n + 1n), 'float32', '9007'],
  ['a number beyond int32', 'UINT32', Uint32Array.of(2 ** 31), 'int32', '2147483648'],
  ['a number beyond int64', 'UINT64', BigUint64Array.of(2n ** 63n), 'int64', '9223372036854775808'],
  ['a negative number', 'INT8', Int8Array.of(-1), 'uint8', '-1'],
] as const)('%s is refused by name', (_what, datatype, source, dtype, value) => {
  expect(() => convertExactly('x', datatype, source, dtype)).toThrow(
    new RegExp(`input "x" of ${datatype} has the value ${value}.*${dtype}`),
  );
});

test('there is no conversion from fractions to whole numbers, from or to bool', () => {
  expect(convertible('FP32', 'int32')).toBe(false);
  expect(convertible('FP16', 'int64')).toBe(false);
  expect(convertible('BOOL', 'float32')).toBe(false);
  expect(convertible('UINT8', 'bool')).toBe(false);
  expect(convertible('INT8', 'float32')).toBe(true);
});

describe('rounding between floats', () => {
  test('takes the nearest number', () => {
    expect(
      convert({ rounds: true }, 'x', 'FP64', Float64Array.of(0.1, -1e-320), 'float32'),
    ).toEqual(Float32Array.of(0.1, -0));
    expect(convert({ rounds: true }, 'x', 'FP32', Float32Array.of(1.0001), 'float16')).toEqual(
      toHalfBits(Float32Array.of(1.0001), 'float16'),
    );
  });

  test.each([
    ['FP64', Float64Array.of(1e300), 'float32'],
    ['FP32', Float32Array.of(1e5), 'float16'],
  ] as const)('never makes a number of %s infinite', (datatype, source, dtype) => {
    expect(() => convert({ rounds: true }, 'x', datatype, source, dtype)).toThrow(
      `is beyond the range of ${dtype}`,
    );
  });

  test('is of floats alone', () => {
    expect(isBetweenFloats('FP64', 'float32')).toBe(true);
    expect(isBetweenFloats('INT64', 'float32')).toBe(false);
    expect(isBetweenFloats('FP64', 'int32')).toBe(false);
  });
});
