import { byteStringAt, eachByteString } from '../kernel/byte-strings';
import type { DType } from '../kernel/element-types';
import { isByteStrings, numbersOf, type Tensor } from '../kernel/tensor';
import { scaleOf } from './magnitudes';

/** Largest difference between an original and its rewrite, as a share of the largest value. */
export const TOLERANCE = 1e-4;
/**
 * The same where a graph computes in 8 bits and its input is prepared in another way: a value that lies
 * between two bytes may become either, and what follows differs by a step in places.
 */
export const TOLERANCE_OF_BYTES = 2e-2;
/** What rounding to 16 bits adds: two steps of the last digit. */
const ROUNDED: Partial<Record<DType, number>> = { float16: 2 ** -9, bfloat16: 2 ** -6 };
const FRACTIONS: readonly DType[] = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'complex64',
  'complex128',
];

export interface Difference {
  /** max |a − b| / max |a|; values of a mask are compared among themselves. */
  readonly relative: number;
  /** What differs in a way that no tolerance covers. */
  readonly problem: string | undefined;
}

/**
 * @param expected outputs of the original, in the same order as `actual`
 * @param tolerance largest difference that is none, as a share of the largest value
 */
export function compareOutputs(
  expected: readonly Tensor[],
  actual: readonly Tensor[],
  tolerance = TOLERANCE,
): Difference {
  let relative = 0;
  let problem: string | undefined;
  for (const [index, output] of expected.entries()) {
    const other = actual[index];
    const mismatch =
      other === undefined
        ? `the output "${output.name}" is missing`
        : output.dtype !== other.dtype || output.shape.join() !== other.shape.join()
          ? `the output "${output.name}" has ${other.dtype} [${other.shape.join()}], not ${output.dtype} [${output.shape.join()}]`
          : undefined;
    if (mismatch !== undefined || other === undefined) return { relative, problem: mismatch };
    const difference = compareData(output, other);
    if (difference === undefined) {
      return { relative, problem: `the output "${output.name}" differs` };
    }
    relative = Math.max(relative, difference);
    if (difference > tolerance + (ROUNDED[output.dtype] ?? 0)) {
      problem ??= `the outputs differ by ${difference.toExponential(1)} ("${output.name}")`;
    }
  }
  return { relative, problem };
}

/** Undefined where values are different things: texts, flags, a number and no number. */
function compareData(a: Tensor, b: Tensor): number | undefined {
  if (isByteStrings(a.data) || isByteStrings(b.data)) {
    if (!isByteStrings(a.data) || !isByteStrings(b.data)) return undefined;
    const others = b.data;
    const same = [...eachByteString(a.data)].every((bytes, i) =>
      Buffer.from(bytes).equals(byteStringAt(others, i)),
    );
    return same ? 0 : undefined;
  }
  const expected = numbersOf(a);
  const actual = numbersOf(b);
  const scale = scaleOf(expected);
  let relative = 0;
  let largest = 0;
  let difference = 0;
  let sum = 0;
  for (let i = 0; i < expected.length; i++) {
    const x = Number(expected[i]);
    const y = Number(actual[i]);
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      if (!Object.is(x, y)) return undefined;
      continue;
    }
    const apart = Math.abs(x - y);
    largest = Math.max(largest, Math.abs(x));
    difference = Math.max(difference, apart);
    sum += apart;
    if (apart > 0) relative = Math.max(relative, apart / scale(x));
  }
  if (a.dtype === 'bool') return difference === 0 ? 0 : undefined;
  // A value just between two whole numbers may be rounded either way; not many are.
  const rounded = !FRACTIONS.includes(a.dtype) && difference <= 1;
  return rounded ? sum / Math.max(1, expected.length) / Math.max(1, largest) : relative;
}
