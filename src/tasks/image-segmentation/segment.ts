import { pictureInMap } from '../../imaging/original-place';
import type { Size } from '../../imaging/geometry';
import type { Tensor } from '../../kernel/tensor';
import type { Steps } from '../../kernel/time-slices';
import type { FedPicture } from '../fed-picture';
import { classMapOf, type ClassMap } from './class-map';
import { resample } from './resample';
import type { SegmentationSettings } from './settings';

/** In a mask of indices: what the model was not shown, as `cover` had cut it off. */
export const NOT_SHOWN = 255;

/** What a model says of each pixel of the upright original. */
export interface Segmentation extends Size {
  /** Class of each pixel, or NOT_SHOWN. */
  readonly classes: Uint8Array;
  /** How much of each pixel is not background, 0 to 255: of models of one class its probability. */
  readonly opacity: Uint8Array | undefined;
  /** By class: pixels of the original, and their mean probability where the model gives one. */
  readonly found: ReadonlyMap<
    number,
    { readonly area: number; readonly score: number | undefined }
  >;
}

/**
 * @param output of one picture: see `classMapOf`
 * @throws ServingError INFERENCE_FAILED
 */
export function* segment(
  output: Tensor,
  { placement, fed, original }: FedPicture,
  settings: SegmentationSettings,
): Steps<Segmentation> {
  const map = yield* classMapOf(output, settings);
  const part = pictureInMap(placement, fed, map);
  const isProbability = map.kind === 'probability';
  const values = yield* resample(map, part, placement.region, original, {
    kernel: isProbability ? 'linear' : 'nearest',
    outside: isProbability ? 0 : (settings.background ?? NOT_SHOWN),
  });
  if (!isProbability) return yield* byClass(values, map, original);
  return yield* byThreshold(values, original, settings.threshold);
}

function* byClass(
  classes: Uint8Array,
  { confidence, counts }: ClassMap,
  original: Size,
): Steps<Segmentation> {
  const areas = yield* countEach(classes, original);
  const found = new Map(
    [...areas.entries()]
      .filter(([index, area]) => area > 0 && index !== NOT_SHOWN)
      .map(([index, area]) => {
        const sum = confidence?.[index];
        return [index, { area, score: sum === undefined ? sum : sum / (counts[index] ?? 1) }];
      }),
  );
  return { ...original, classes, opacity: undefined, found };
}

/** One class: 0, where its probability is enough. */
function* byThreshold(opacity: Uint8Array, original: Size, threshold: number): Steps<Segmentation> {
  const least = 255 * threshold;
  const classes = new Uint8Array(opacity.length).fill(NOT_SHOWN);
  let [area, sum] = [0, 0];
  for (let y = 0; y < original.height; y++) {
    for (let i = y * original.width; i < (y + 1) * original.width; i++) {
      const value = opacity[i] ?? 0;
      if (value < least) continue;
      classes[i] = 0;
      area += 1;
      sum += value;
    }
    yield;
  }
  const found = area === 0 ? [] : [[0, { area, score: sum / area / 255 }] as const];
  return { ...original, classes, opacity, found: new Map(found) };
}

function* countEach(classes: Uint8Array, { width, height }: Size): Steps<Float64Array> {
  const areas = new Float64Array(256);
  for (let y = 0; y < height; y++) {
    for (let i = y * width; i < (y + 1) * width; i++) {
      const index = classes[i] ?? 0;
      areas[index] = (areas[index] ?? 0) + 1;
    }
    yield;
  }
  return areas;
}
