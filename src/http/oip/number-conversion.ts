import { ServingError } from '../../kernel/errors';
import { typedArrayOf, type DType, type NumericData } from '../../kernel/element-types';
import { fromHalf, toHalf } from '../../kernel/half-floats';
import type { Steps } from '../../kernel/time-slices';
import type { NumberArray, NumericDatatype } from './number-arrays';

const FLOAT_DATATYPES: readonly NumericDatatype[] = ['FP16', 'BF16', 'FP32', 'FP64'];
const FLOATS = ['float32', 'float64', 'float16', 'bfloat16'] as const;
const WHOLES = ['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'] as const;

/** Types that numbers of others may be converted to. */
export type ConvertedDType = (typeof FLOATS)[number] | (typeof WHOLES)[number];

/** Elements that are converted between two pauses. */
const STEP_ELEMENTS = 8192;

/** Whether there is a conversion at all: between numbers, but not from fractions to whole ones. */
export function convertible(datatype: NumericDatatype, dtype: DType): dtype is ConvertedDType {
  if (datatype === 'BOOL') return false;
  if (isOneOf(FLOATS, dtype)) return true;
  return isOneOf(WHOLES, dtype) && !FLOAT_DATATYPES.includes(datatype);
}

/** Whether a conversion can only lose digits: both are floats. */
export function isBetweenFloats(datatype: NumericDatatype, dtype: DType): boolean {
  return FLOAT_DATATYPES.includes(datatype) && isOneOf(FLOATS, dtype);
}

export interface ConversionOptions {
  /** Take the nearest number where the type does not hold one exactly; never infinity for a number. */
  readonly rounds: boolean;
}

/**
 * The same numbers in the type that the model takes.
 * @param name of the input, for messages
 * @throws ServingError INVALID_INPUT for the first number that would not stay the same, or, with
 *   `rounds`, that is beyond the range of the type
 */
export function* convertNumbers(
  name: string,
  datatype: NumericDatatype,
  source: NumberArray,
  dtype: ConvertedDType,
  { rounds }: ConversionOptions,
): Steps<NumericData> {
  const target = typedArrayOf(dtype, source.length);
  for (let i = 0; i < source.length; i++) {
    const value = source[i] ?? 0;
    const converted = store(target, i, value, dtype);
    const kept = rounds && Number.isFinite(converted) ? true : same(converted, value);
    if (!kept) {
      const problem = rounds ? 'is beyond the range of' : 'cannot be held exactly by';
      throw new ServingError(
        'INVALID_INPUT',
        `input "${name}" of ${datatype} has the value ${value}, which ${problem} ${dtype}: send it as the type in the metadata of the model`,
      );
    }
    if (i % STEP_ELEMENTS === 0) yield;
  }
  return target;
}

/** @returns what is in the array afterwards */
function store(
  target: NumericData,
  index: number,
  value: number | bigint,
  dtype: ConvertedDType,
): number | bigint {
  if (dtype === 'float16' || dtype === 'bfloat16') {
    const bits = toHalf(Number(value), dtype);
    target[index] = bits;
    return fromHalf(bits, dtype);
  }
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) {
    target[index] = BigInt(value);
  } else {
    target[index] = Number(value);
  }
  return target[index] ?? 0;
}

function same(converted: number | bigint, value: number | bigint): boolean {
  if (typeof value === 'bigint' || typeof converted === 'bigint') {
    return Number.isFinite(Number(converted)) && BigInt(converted) === BigInt(value);
  }
  return converted === value || (Number.isNaN(converted) && Number.isNaN(value));
}

function isOneOf<T extends DType>(types: readonly T[], dtype: DType): dtype is T {
  return (types as readonly DType[]).includes(dtype);
}
