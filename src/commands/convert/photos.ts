import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { CliError } from '../exit-codes';
import { messageOf } from '../../kernel/errors';
import { preprocessImage, type ImageTensor } from '../../imaging/preprocess';
import type { DecodeLimits } from '../../imaging/open-image';
import type { ImageInputSpec } from '../../tasks/task';
import type { Tensor } from '../../kernel/tensor';

const IMAGE_NAME = /\.(jpe?g|png|webp|gif|tiff?|avif|bmp)$/i;

/** An image, or something like one, as one row of the model's inputs. */
export interface Photo {
  readonly file: string;
  readonly inputs: readonly Tensor[];
  /** Part of the input that is picture, as fractions of its width and height. */
  readonly crop: { readonly width: number; readonly height: number };
}

export interface PhotoOptions {
  readonly limit: number | undefined;
  readonly limits: DecodeLimits;
  readonly image: ImageInputSpec & { readonly inputName: string };
  /** Called for a file that no image can be read from, or that the model does not take. */
  readonly onSkipped: (file: string, reason: string) => void;
}

/**
 * Image files of a folder, by name.
 * @throws CliError usage when there is none
 */
export async function imageFiles(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new CliError('usage', `${folder} cannot be read: ${messageOf(cause)}`, { cause });
  });
  const images = names.filter((name) => !name.startsWith('.') && IMAGE_NAME.test(name)).sort();
  if (images.length === 0) throw new CliError('usage', `there is no image in ${folder}`);
  return images;
}

/** One image after the other, decoded as the server does it; unreadable ones are left out. */
export async function* readPhotos(
  folder: string,
  files: readonly string[],
  { limit = Infinity, limits, image, onSkipped }: PhotoOptions,
): AsyncGenerator<Photo> {
  let count = 0;
  for (const file of files) {
    if (count >= limit) return;
    try {
      const bytes = await readFile(path.join(folder, file));
      const tensor = await preprocessImage(bytes, image, limits);
      count += 1;
      yield { file, inputs: [rowOf(tensor, image)], crop: cropOf(tensor) };
    } catch (thrown) {
      onSkipped(file, messageOf(thrown));
    }
  }
}

function rowOf({ data, shape }: ImageTensor, { inputName, dtype }: PhotoOptions['image']): Tensor {
  return { name: inputName, dtype, shape: [1, ...shape], data };
}

function cropOf({ validWidth, validHeight, width, height }: ImageTensor): Photo['crop'] {
  return { width: validWidth / width, height: validHeight / height };
}
