import { ServingError } from '../../src/kernel/errors';
import type { ImageResult, ImageSource } from '../../src/inference/image-request';

export const TIMINGS = { preprocessMs: 1, queueMs: 2, inferMs: 3, postprocessMs: 4 };

/** The result of an image that has one prediction, of this label; a fault is its own result. */
export function resultOf(image: ImageSource, label: (bytes: Uint8Array) => string): ImageResult {
  if (image instanceof ServingError) return { ok: false, error: image };
  const data = { predictions: [{ label: label(image), index: 0, score: 1 }] };
  return { ok: true, value: { data }, timings: TIMINGS, batchRows: 1 };
}
