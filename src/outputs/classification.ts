import { ServingError } from '../kernel/errors';
import { isBigData } from '../kernel/element-types';
import { isByteStrings, numbersOf, type Tensor } from '../kernel/tensor';

export interface Prediction {
  /** From the labels file; the index as text where there is none. */
  readonly label: string;
  readonly index: number;
  readonly score: number;
}

export interface ClassificationOptions {
  readonly activation: 'softmax' | 'sigmoid' | 'none';
  readonly labels: readonly string[] | undefined;
  /** Most predictions to answer. */
  readonly topK: number;
}

/**
 * The best classes of one image, by falling score; ties by rising index.
 * @param scores output of one row: shape [1, classes] or [1, 1, 1, classes], any number type
 * @throws ServingError INFERENCE_FAILED when the model answered something that is not a number
 */
export function classify(scores: Tensor, options: ClassificationOptions): Prediction[] {
  const data = numbersOf(scores);
  if (isByteStrings(scores.data) || isBigData(data)) {
    throw new ServingError('INFERENCE_FAILED', `The model answered scores of type ${scores.dtype}`);
  }
  // NaN sorts anywhere: better no answer than a wrong one.
  if (data.some(Number.isNaN)) {
    throw new ServingError('INFERENCE_FAILED', 'The model answered scores that are not numbers');
  }
  const best = topIndices(data, options.topK);
  const activate = activation(data, options.activation);
  const predictions = best.map((index) => ({
    label: options.labels?.[index] ?? String(index),
    index,
    score: activate(data[index] ?? 0),
  }));
  requireFinite(predictions);
  return predictions;
}

/**
 * Predictions of a model that ranks its classes itself.
 * @param scores of one row, activated, by falling value: float32
 * @param indices of these scores: int32
 * @throws ServingError INFERENCE_FAILED when the model answered something that is not a number
 */
export function rankedPredictions(
  scores: Tensor,
  indices: Tensor,
  { labels, topK }: Omit<ClassificationOptions, 'activation'>,
): Prediction[] {
  const classes = Array.from(indices.data as Int32Array).slice(0, topK);
  const values = Array.from(scores.data as Float32Array);
  const predictions = classes.map((index, place) => ({
    label: labels?.[index] ?? String(index),
    index,
    score: values[place] ?? NaN,
  }));
  requireFinite(predictions);
  return predictions;
}

/** JSON has no infinity, and softmax makes NaN of it. */
function requireFinite(predictions: readonly Prediction[]): void {
  if (predictions.every(({ score }) => Number.isFinite(score))) return;
  throw new ServingError(
    'INFERENCE_FAILED',
    'The model answered scores that are infinite or no numbers',
  );
}

/** Activations keep the order of scores, so only what is answered is computed. */
function activation(
  data: ArrayLike<number>,
  kind: ClassificationOptions['activation'],
): (score: number) => number {
  switch (kind) {
    case 'none':
      return (score) => score;
    case 'sigmoid':
      return (score) => 1 / (1 + Math.exp(-score));
    case 'softmax': {
      // exp(x − max): the same quotient, without overflow.
      let max = -Infinity;
      for (let i = 0; i < data.length; i++) max = Math.max(max, data[i] ?? max);
      let sum = 0;
      for (let i = 0; i < data.length; i++) sum += Math.exp((data[i] ?? 0) - max);
      return (score) => Math.exp(score - max) / sum;
    }
  }
}

/** Indices of the `k` largest entries, largest first. One pass, as k is small. */
export function topIndices(data: ArrayLike<number>, k: number): number[] {
  const best: number[] = [];
  const at = (index: number | undefined): number => data[index ?? -1] ?? -Infinity;
  for (let index = 0; index < data.length; index++) {
    if (best.length >= k && at(index) <= at(best.at(-1))) continue;
    // From the end, as most entries that get this far are only just good enough.
    let place = best.length;
    while (place > 0 && at(best[place - 1]) < at(index)) place -= 1;
    best.splice(place, 0, index);
    if (best.length > k) best.pop();
  }
  return best;
}
