import {
  convertExactly as convertExactlySteps,
  convertible,
} from '../../../../src/http/oip/exact-conversion';
import { atOnce } from '../../../../src/kernel/time-slices';
import type { NumericData } from '../../../../src/kernel/tensor';

function convertExactly(...given: Parameters<typeof convertExactlySteps>): NumericData {
  return atOnce(convertExactlySteps(...given));
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
