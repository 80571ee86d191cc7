import { ServingError } from '../kernel/errors';
import { topIndices } from '../outputs/classification';
import { entriesPerElement, isBigData } from '../kernel/element-types';
import { isByteStrings, numbersOf, sliceRows, type Tensor } from '../kernel/tensor';
import type { Steps } from '../kernel/time-slices';
import type { TensorTarget } from './tensor-request';

export interface RankedClass {
  readonly index: number;
  /** As the model gave it: no activation is applied. */
  readonly value: number;
  readonly label: string | undefined;
}

/** Sorting more would hold up the thread for longer than a request may. */
const MAX_CLASSES = 200_000;
/** More than these are sorted. */
const SMALL_K = 64;

/**
 * The best classes of each row of an output, by falling value.
 * @param k classes a row; fewer where there are fewer
 * @returns one list for each row; one list when the model has no batch dimension
 * @throws ServingError INVALID_INPUT for an output without numbers, INFERENCE_FAILED for NaN
 */
export function* topClasses(
  { signature, spec, signatureName }: TensorTarget,
  output: Tensor,
  k: number,
): Steps<RankedClass[][]> {
  const batched = signature.outputs.find(({ name }) => name === output.name)?.shape?.[0] === -1;
  const labels =
    signatureName === spec.signatureName && output.name === spec.output.name
      ? spec.labels
      : undefined;
  const rows = batched ? (output.shape[0] ?? 0) : 1;
  const classes = output.data.length / Math.max(1, rows);
  if (classes > MAX_CLASSES) {
    throw new ServingError(
      'INVALID_INPUT',
      `output "${output.name}" has ${classes} classes, and at most ${MAX_CLASSES} are ranked`,
    );
  }
  const ranking: RankedClass[][] = [];
  for (let row = 0; row < rows; row++) {
    const values = comparable(batched ? sliceRows(output, row, 1) : output);
    const best = ranked(values, k).map((index) => ({
      index,
      value: values[index] ?? 0,
      label: labels?.[index],
    }));
    ranking.push(best);
    yield;
  }
  return ranking;
}

/** Indices of the `k` largest, ties by rising index. The one pass of topIndices is for a small k. */
function ranked(values: ArrayLike<number>, k: number): number[] {
  if (k <= SMALL_K) return topIndices(values, k);
  return [
    ...Uint32Array.from({ length: values.length }, (_, index) => index)
      .sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || a - b)
      .subarray(0, k),
  ];
}

function comparable(output: Tensor): ArrayLike<number> {
  const { name, dtype } = output;
  if (isByteStrings(output.data) || dtype === 'bool' || entriesPerElement(dtype) > 1) {
    throw new ServingError(
      'INVALID_INPUT',
      `output "${name}" of type ${dtype} has no classes to rank`,
    );
  }
  const data = numbersOf(output);
  if (isBigData(data)) return Array.from<bigint, number>(data, Number);
  if (data.some(Number.isNaN)) {
    throw new ServingError('INFERENCE_FAILED', 'The model answered scores that are not numbers');
  }
  return data;
}
