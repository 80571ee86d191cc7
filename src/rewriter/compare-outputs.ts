import { byteStringAt, eachByteString } from '../kernel/byte-strings';
import { isByteStrings, type Tensor } from '../kernel/tensor';

/** Largest difference between an original and its rewrite, as a share of the largest value. */
export const TOLERANCE = 1e-4;
/** Below this an output counts as zero: rounding errors have no scale there. */
const TINY = 1e-6;

export interface Difference {
  /** max |a − b| / max |a|. */
  readonly relative: number;
  /** What differs in a way that no tolerance covers. */
  readonly problem: string | undefined;
}

/** @param expected outputs of the original, in the same order as `actual` */
export function compareOutputs(expected: readonly Tensor[], actual: readonly Tensor[]): Difference {
  let relative = 0;
  for (const [index, output] of expected.entries()) {
    const other = actual[index];
    const problem =
      other === undefined
        ? `the output "${output.name}" is missing`
        : output.dtype !== other.dtype || output.shape.join() !== other.shape.join()
          ? `the output "${output.name}" has ${other.dtype} [${other.shape.join()}], not ${output.dtype} [${output.shape.join()}]`
          : undefined;
    if (problem !== undefined || other === undefined) return { relative, problem };
    const difference = compareData(output, other);
    if (difference === undefined) {
      return { relative, problem: `the output "${output.name}" differs` };
    }
    relative = Math.max(relative, difference);
  }
  return {
    relative,
    problem:
      relative > TOLERANCE ? `the outputs differ by ${relative.toExponential(1)}` : undefined,
  };
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
  let largest = 0;
  let difference = 0;
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) {
    const x = Number(a.data[i]);
    const y = Number(b.data[i]);
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      if (!Object.is(x, y)) return undefined;
      continue;
    }
    largest = Math.max(largest, Math.abs(x));
    difference = Math.max(difference, Math.abs(x - y));
    sum += Math.abs(x - y);
  }
  if (a.dtype === 'bool') return difference === 0 ? 0 : undefined;
  // A value just between two whole numbers may be rounded either way; not many are.
  const rounded = a.dtype !== 'float32' && a.dtype !== 'complex64' && difference <= 1;
  return (rounded ? sum / Math.max(1, a.data.length) : difference) / Math.max(largest, TINY);
}
