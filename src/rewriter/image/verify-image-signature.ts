import { messageOf } from '../../kernel/errors';
import { writeNormalized } from '../../imaging/normalize';
import { classify } from '../../outputs/classification';
import { toImage } from '../../outputs/generated-image';
import type { LoadedModel } from '../../runtime/backend';
import { numbersOf, sliceRows, type Tensor } from '../../kernel/tensor';
import { compareOutputs } from '../compare-outputs';
import { randomInputs } from '../random-inputs';
import {
  IMAGE_SIGNATURE,
  PIXELS_IN,
  PIXELS_OUT,
  TOP_INDICES,
  TOP_SCORES,
  type ImagePlan,
  type Postprocess,
} from './image-plan';

const BATCH_SIZES = [1, 3];
const SEED = 7_041_776;
/** Pixels between two random colours. */
const COLOUR_EVERY = 8;
/** Share of the 8-bit values that may lie on the other side of a half. */
const ROUNDED_OTHERWISE = 0.05;

/** A part of a plan that does not answer as the code outside the graph does. */
export interface ImageProblem {
  readonly part: 'preprocess' | 'postprocess';
  readonly reason: string;
}

/**
 * Compares the image signature with the original between writeNormalized and classify or toImage,
 * on random pixels.
 * @param tolerance largest difference that is none, as a share of the largest value
 */
export function verifyImageSignature(
  original: LoadedModel,
  rewritten: LoadedModel,
  plan: ImagePlan,
  tolerance: number,
): ImageProblem | undefined {
  const batchable = original.signatures[plan.signature]?.inputs[0]?.shape?.[0] === -1;
  const rowCounts = batchable ? BATCH_SIZES : [1];
  for (const [index, [width, height]] of plan.sizes.entries()) {
    for (const rows of rowCounts) {
      const pixels = randomPixels(rows, width, height, SEED + index);
      const problem = verifyPixels(original, rewritten, plan, pixels, tolerance);
      if (problem !== undefined) {
        return { ...problem, reason: `${problem.reason} (${rows} × ${width}×${height})` };
      }
    }
  }
  return undefined;
}

function verifyPixels(
  original: LoadedModel,
  rewritten: LoadedModel,
  plan: ImagePlan,
  pixels: Tensor,
  tolerance: number,
): ImageProblem | undefined {
  const prepared = prepare(pixels, plan);
  const inputs = [plan.preprocess ? pixels : prepared];
  let all: readonly Tensor[];
  let whole: readonly Tensor[];
  try {
    all = original.run(plan.signature, [prepared], plan.outputs);
    whole = rewritten.run(IMAGE_SIGNATURE, inputs, plan.outputs);
  } catch (thrown) {
    return { part: 'preprocess', reason: firstLine(thrown) };
  }
  const [expected] = all;
  if (expected === undefined || whole.length < all.length) {
    return { part: 'preprocess', reason: 'there is no answer' };
  }
  const { problem } = compareOutputs(all, whole, tolerance);
  if (problem !== undefined) return { part: 'preprocess', reason: problem };
  if (plan.postprocess === undefined) return undefined;
  try {
    const reason =
      plan.postprocess.kind === 'classes'
        ? compareClasses(
            expected,
            rewritten.run(IMAGE_SIGNATURE, inputs, [TOP_SCORES, TOP_INDICES]),
            plan.postprocess,
            tolerance,
          )
        : comparePixels(
            expected,
            rewritten.run(IMAGE_SIGNATURE, inputs, [PIXELS_OUT]),
            plan.postprocess,
          );
    return reason === undefined ? undefined : { part: 'postprocess', reason };
  } catch (thrown) {
    return { part: 'postprocess', reason: firstLine(thrown) };
  }
}

/** The pixels as the imaging code hands them to a model. */
function prepare(pixels: Tensor, { input }: ImagePlan): Tensor {
  const [rows = 0, height = 0, width = 0] = pixels.shape;
  const channels = input.colorOrder === 'grayscale' ? 1 : 3;
  const rowLength = width * height * channels;
  const source = pixels.data as Uint8Array;
  const arrays = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };
  const data = new arrays[input.dtype](rows * rowLength);
  for (let row = 0; row < rows; row++) {
    writeNormalized(
      source.subarray(row * rowLength, (row + 1) * rowLength),
      data.subarray(row * rowLength, (row + 1) * rowLength),
      input.normalization,
      { width, height, channels, layout: input.layout, bgr: input.colorOrder === 'bgr' },
    );
  }
  const shape =
    input.layout === 'NHWC' ? [rows, height, width, channels] : [rows, channels, height, width];
  return { name: input.name, dtype: input.dtype, shape, data };
}

/** Places may be exchanged where scores are as good as equal. */
function compareClasses(
  expected: Tensor,
  [scores, indices]: readonly Tensor[],
  { activation, k }: Extract<Postprocess, { kind: 'classes' }>,
  tolerance: number,
): string | undefined {
  if (scores === undefined || indices === undefined) return 'there are no best classes';
  const [values, places] = [numbersOf(scores), numbersOf(indices)];
  const classes = expected.shape.at(-1) ?? 0;
  const answered = Math.min(k, classes);
  for (let row = 0; row < (expected.shape[0] ?? 0); row++) {
    const all = classify(sliceRows(expected, row, 1), {
      activation,
      labels: undefined,
      topK: classes,
    });
    const scoreOf = new Map(all.map(({ index, score }) => [index, score]));
    const largest = Math.max(...all.map(({ score }) => Math.abs(score)));
    for (let place = 0; place < answered; place++) {
      const at = row * answered + place;
      const wanted = all[place]?.score ?? NaN;
      const score = Number(values[at]);
      const own = scoreOf.get(Number(places[at])) ?? NaN;
      const difference = Math.max(Math.abs(score - wanted), Math.abs(own - wanted));
      if (!(difference <= tolerance * largest)) return 'the best classes differ';
    }
  }
  return undefined;
}

function comparePixels(
  expected: Tensor,
  [actual]: readonly Tensor[],
  { valueRange, layout }: Extract<Postprocess, { kind: 'pixels' }>,
): string | undefined {
  if (actual === undefined) return 'there are no pixels';
  let others = 0;
  let total = 0;
  for (let row = 0; row < (expected.shape[0] ?? 0); row++) {
    const before = toImage(sliceRows(expected, row, 1), { valueRange, layout });
    const after = toImage(sliceRows(actual, row, 1), { valueRange: [0, 255], layout: 'NHWC' });
    if (before.width !== after.width || before.height !== after.height) return 'the sizes differ';
    total += before.pixels.length;
    for (const [index, value] of before.pixels.entries()) {
      const difference = Math.abs(value - (after.pixels[index] ?? NaN));
      if (!(difference <= 1)) return 'the pixels differ';
      others += difference;
    }
  }
  return others <= total * ROUNDED_OTHERWISE ? undefined : 'the pixels differ';
}

/**
 * Colours that run into each other, as in a photo. Noise from pixel to pixel is not what networks are
 * trained on: in some of super-resolution it makes rounding errors a thousand times as large.
 */
function randomPixels(rows: number, width: number, height: number, seed: number): Tensor {
  const [across, down] = [width, height].map((side) => Math.ceil(side / COLOUR_EVERY) + 1) as [
    number,
    number,
  ];
  const colours = randomBytes([rows, down, across, 3], seed).data as Uint8Array;
  const pixels = randomBytes([rows, height, width, 3], seed);
  const data = pixels.data as Uint8Array;
  for (let at = 0; at < data.length; at++) {
    const channel = at % 3;
    const x = (Math.floor(at / 3) % width) / COLOUR_EVERY;
    const y = (Math.floor(at / (3 * width)) % height) / COLOUR_EVERY;
    const row = Math.floor(at / (3 * width * height));
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const colour = (dx: number, dy: number): number =>
      colours[((row * down + top + dy) * across + left + dx) * 3 + channel] ?? 0;
    const upper = colour(0, 0) + (colour(1, 0) - colour(0, 0)) * (x - left);
    const lower = colour(0, 1) + (colour(1, 1) - colour(0, 1)) * (x - left);
    data[at] = Math.round(upper + (lower - upper) * (y - top));
  }
  return pixels;
}

function randomBytes(shape: readonly number[], seed: number): Tensor {
  const spec = { name: PIXELS_IN, dtype: 'uint8', tfDtype: 'DT_UINT8', shape, node: '' } as const;
  const [bytes] = randomInputs(
    { inputs: [spec], outputs: [], methodName: '' },
    shape[0] ?? 0,
    { low: 0, high: 256, side: 1 },
    seed,
  );
  if (bytes === undefined) throw new Error('random inputs are one for each input');
  return bytes;
}

function firstLine(thrown: unknown): string {
  return messageOf(thrown).split('\n')[0] ?? '';
}
