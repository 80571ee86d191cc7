import { assembleBatch } from '../../batching/assemble';
import type { ServableSpec } from '../../models/servable-spec';
import type { LoadedModel } from '../../runtime/backend';
import type { Tensor } from '../../kernel/tensor';
import { randomRun } from './compare-models';
import { readPhotos, type Photo, type PhotoOptions } from './photos';
import { randomPhoto } from './random-photos';

const RANDOM_INPUTS = 8;

/** Images of a folder, by name. */
export interface ImageFiles {
  readonly folder: string;
  readonly files: readonly string[];
}

/** Inputs to compare on: the images of a folder, noise, or random tensors. */
export function examplesOf(
  { image, signatureName }: ServableSpec,
  model: LoadedModel,
  images: ImageFiles | undefined,
  options: Omit<PhotoOptions, 'image'>,
): AsyncIterable<Photo> | Iterable<Photo> {
  if (image !== undefined && images !== undefined) {
    return readPhotos(images.folder, images.files, { ...options, image });
  }
  return Array.from({ length: RANDOM_INPUTS }, (_, index): Photo => {
    const seed = index + 1;
    if (image !== undefined) return randomPhoto(image, seed);
    const { inputs } = randomRun(model, signatureName, seed);
    return { file: `random ${seed}`, inputs, crop: { width: 1, height: 1 } };
  });
}

/** Hands on what it gets, and puts the first inputs into `rows`. */
export async function* keepRows(
  photos: AsyncIterable<Photo> | Iterable<Photo>,
  rows: (readonly Tensor[])[],
  count: number,
): AsyncGenerator<Photo> {
  for await (const photo of photos) {
    if (rows.length < count) rows.push(photo.inputs);
    yield photo;
  }
}

/** Images of many sizes share no batch: noise of one size takes their place. */
export function batchOf(
  { image }: ServableSpec,
  rows: readonly (readonly Tensor[])[],
  count: number,
): readonly Tensor[] {
  const usable =
    image?.size.kind === 'dynamic' ? [randomPhoto(image, 1).inputs] : rows.slice(0, count);
  return assembleBatch(usable, count, (bytes) => new Uint8Array(bytes));
}
