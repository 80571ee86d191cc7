import { ServingError } from '../../kernel/errors';
import { formatShape, isByteStrings, numbersOf, type Tensor } from '../../kernel/tensor';
import type { Size } from '../../imaging/geometry';
import type { Steps } from '../../kernel/time-slices';
import type { SegmentationSettings } from './settings';

/** Classes that a byte can hold. */
const MAX_CLASSES = 256;

/** What a model says of each pixel of what it was fed, at the size that it says it. */
export interface ClassMap extends Size {
  /** Class of each pixel. Of a model of one class: its probability, 0 to 255. */
  readonly values: Uint8Array;
  readonly kind: 'classes' | 'probability';
  /** Sum of the probabilities of the pixels of each class; undefined where the model gives none. */
  readonly confidence: Float64Array | undefined;
  /** Pixels of each class, which the sums are of. */
  readonly counts: Float64Array;
}

/**
 * @param output of one picture: [1, height, width, classes], [1, classes, height, width],
 *   [1, height, width, 1] or [1, height, width]
 * @throws ServingError INFERENCE_FAILED when the output is not a mask, or not of numbers
 */
export function* classMapOf(output: Tensor, settings: SegmentationSettings): Steps<ClassMap> {
  const { height, width, classes, at } = planesOf(output, settings);
  const { name, dtype } = output;
  if (isByteStrings(output.data)) throw failed(`"${name}" of type ${dtype}`);
  const data = numbersOf(output);
  const values = new Uint8Array(width * height);
  const counts = new Float64Array(MAX_CLASSES);
  const confidence = settings.kind === 'scores' ? new Float64Array(MAX_CLASSES) : undefined;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      if (settings.kind === 'indices') {
        const index = Number(data[at(pixel, 0)] ?? 0);
        if (!(index >= 0 && index < MAX_CLASSES)) throw failed(`class ${index} in "${name}"`);
        values[pixel] = index;
        counts[index] = (counts[index] ?? 0) + 1;
      } else if (settings.kind === 'probability') {
        const raw = Number(data[at(pixel, 0)] ?? 0);
        const probability = settings.activation === 'sigmoid' ? 1 / (1 + Math.exp(-raw)) : raw;
        if (Number.isNaN(probability)) throw failed('scores that are not numbers');
        values[pixel] = Math.round(255 * Math.min(1, Math.max(0, probability)));
      } else {
        const best = bestOf(data as Float32Array, classes, (c) => at(pixel, c), settings);
        values[pixel] = best.index;
        counts[best.index] = (counts[best.index] ?? 0) + 1;
        if (confidence) confidence[best.index] = (confidence[best.index] ?? 0) + best.probability;
      }
    }
    yield;
  }
  const kind = settings.kind === 'probability' ? 'probability' : 'classes';
  return { values, width, height, kind, confidence, counts };
}

interface Planes extends Size {
  readonly classes: number;
  /** Place of a value in the data. */
  readonly at: (pixel: number, channel: number) => number;
}

function planesOf({ shape }: Tensor, { layout }: SegmentationSettings): Planes {
  const [, second = 0, third = 0, fourth = 1] = shape;
  if (shape.length === 3) {
    return { height: second, width: third, classes: 1, at: (pixel) => pixel };
  }
  const [height, width, classes] =
    layout === 'NHWC' ? [second, third, fourth] : [third, fourth, second];
  if (shape.length !== 4 || height * width === 0 || classes < 1 || classes > MAX_CLASSES) {
    throw failed(`${formatShape(shape)}, which is not a mask of 1 to ${MAX_CLASSES} classes`);
  }
  const plane = height * width;
  const at =
    layout === 'NHWC'
      ? (pixel: number, channel: number): number => pixel * classes + channel
      : (pixel: number, channel: number): number => channel * plane + pixel;
  return { height, width, classes, at };
}

/** The class of the highest score; of equals the first, as argmax has it. */
function bestOf(
  data: ArrayLike<number>,
  classes: number,
  at: (channel: number) => number,
  { activation }: SegmentationSettings,
): { readonly index: number; readonly probability: number } {
  let index = 0;
  let best = -Infinity;
  for (let c = 0; c < classes; c++) {
    const score = data[at(c)] ?? NaN;
    if (Number.isNaN(score)) throw failed('scores that are not numbers');
    if (score > best) [index, best] = [c, score];
  }
  if (activation !== 'softmax') return { index, probability: best };
  let sum = 0;
  for (let c = 0; c < classes; c++) sum += Math.exp((data[at(c)] ?? 0) - best);
  return { index, probability: 1 / sum };
}

function failed(what: string): ServingError {
  return new ServingError('INFERENCE_FAILED', `The model answered ${what}`);
}
