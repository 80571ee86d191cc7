import { ServingError } from '../../kernel/errors';
import { bytesPerElement, typedArrayOver, type DType, type NumericData } from '../../kernel/tensor';
import type { Steps } from '../../kernel/time-slices';
import type { NumberArray, NumericDatatype } from './number-arrays';

const FLOATS: readonly NumericDatatype[] = ['FP16', 'BF16', 'FP32', 'FP64'];
/** Elements that are converted between two pauses. */
const STEP_ELEMENTS = 8192;

/** Whether there is a conversion at all: between numbers, but not from fractions to whole ones. */
export function convertible(datatype: NumericDatatype, dtype: DType): boolean {
  if (datatype === 'BOOL') return false;
  if (dtype === 'float32') return true;
  return (
    (dtype === 'int32' || dtype === 'int64' || dtype === 'uint8') && !FLOATS.includes(datatype)
  );
}

/**
 * The same numbers in a type that the runtime carries.
 * @param name of the input, for messages
 * @throws ServingError INVALID_INPUT for the first number that would not stay the same
 */
export function* convertExactly(
  name: string,
  datatype: NumericDatatype,
  source: NumberArray,
  dtype: 'float32' | 'int32' | 'int64' | 'uint8',
): Steps<NumericData> {
  const buffer = new ArrayBuffer(source.length * bytesPerElement(dtype));
  const target = typedArrayOver(dtype, buffer, 0, source.length);
  for (let i = 0; i < source.length; i++) {
    const value = source[i] ?? 0;
    if (target instanceof BigInt64Array) target[i] = BigInt(value);
    else target[i] = Number(value);
    if (!same(target[i] ?? 0, value)) {
      throw new ServingError(
        'INVALID_INPUT',
        `input "${name}" of ${datatype} has the value ${value}, which ${dtype} cannot hold exactly: send it as the type in the metadata of the model`,
      );
    }
    if (i % STEP_ELEMENTS === 0) yield;
  }
  return target;
}

function same(converted: number | bigint, value: number | bigint): boolean {
  if (typeof value === 'bigint' || typeof converted === 'bigint') {
    return Number.isFinite(Number(converted)) && BigInt(converted) === BigInt(value);
  }
  return converted === value || (Number.isNaN(converted) && Number.isNaN(value));
}
