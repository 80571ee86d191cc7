import { writeNormalized } from '../../imaging/normalize';
import type { ImageInputSpec } from '../../tasks/task';
import type { Photo } from './photos';

/** Side of made-up images for models that take any size, in pixels. */
const SIDE = 128;

/** Noise in the form of an image that the model takes; the same for the same seed. */
export function randomPhoto(
  image: ImageInputSpec & { readonly inputName: string },
  seed: number,
): Photo {
  const { width, height } = sizeOf(image);
  const channels = image.colorOrder === 'grayscale' ? 1 : 3;
  const { layout, dtype, normalization, inputName } = image;
  const count = width * height * channels;
  let state = seed;
  const pixels = Uint8Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state >>> 24;
  });
  const data = pixelArray(dtype, count);
  writeNormalized(pixels, data, normalization, {
    width,
    height,
    channels,
    layout,
    bgr: image.colorOrder === 'bgr',
  });
  const shape = layout === 'NHWC' ? [1, height, width, channels] : [1, channels, height, width];
  return {
    file: `noise ${seed}`,
    inputs: [{ name: inputName, dtype, shape, data }],
    crop: { width: 1, height: 1 },
  };
}

function sizeOf({ size }: ImageInputSpec): { readonly width: number; readonly height: number } {
  if (size.kind === 'fixed') return size;
  const within = Math.min(Math.max(SIDE, size.minSize), size.maxSize);
  const side = Math.ceil(within / size.multipleOf) * size.multipleOf;
  return { width: side, height: side };
}

function pixelArray(
  dtype: ImageInputSpec['dtype'],
  count: number,
): Float32Array | Uint8Array | Int32Array {
  switch (dtype) {
    case 'float32':
      return new Float32Array(count);
    case 'int32':
      return new Int32Array(count);
    case 'uint8':
      return new Uint8Array(count);
  }
}
