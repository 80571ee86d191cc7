import { ServingError } from '../kernel/errors';
import { isBigData } from '../kernel/element-types';
import { formatShape, isByteStrings, numbersOf, type Tensor } from '../kernel/tensor';
import { atOnce, type Steps } from '../kernel/time-slices';

/** Pixels of a generated image, interleaved. */
export interface GeneratedImage {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

export interface GeneratedImageOptions {
  /** Values that mean black and white. */
  readonly valueRange: readonly [number, number];
  readonly layout: 'NHWC' | 'NCHW';
  /**
   * Part of the output that is picture, as fractions of its width and height; the rest is the
   * padding that the input was given.
   */
  readonly crop?: { readonly width: number; readonly height: number };
}

/**
 * Turns the output of one image, [1, height, width, channels] or [1, channels, height, width],
 * into 8-bit pixels: (v − low) / (high − low) · 255, rounded and clipped.
 * @throws ServingError INFERENCE_FAILED when the output is not a picture
 */
export function toImage(output: Tensor, options: GeneratedImageOptions): GeneratedImage {
  return atOnce(toImageSteps(output, options));
}

/**
 * What an output measures as a picture.
 * @throws ServingError INFERENCE_FAILED when it is not a picture
 */
export function pictureShape(
  { shape }: Pick<Tensor, 'shape'>,
  layout: GeneratedImageOptions['layout'],
): Omit<GeneratedImage, 'pixels'> {
  const [, second = 0, third = 0, fourth = 0] = shape;
  const [height, width, channels] =
    layout === 'NHWC' ? [second, third, fourth] : [third, fourth, second];
  if (shape.length === 4 && (channels === 1 || channels === 3) && width * height > 0) {
    return { width, height, channels };
  }
  throw new ServingError(
    'INFERENCE_FAILED',
    `The model answered ${formatShape(shape)}, which is not a picture of 1 or 3 channels`,
  );
}

/** As `toImage`, with pauses. */
export function* toImageSteps(
  output: Tensor,
  options: GeneratedImageOptions,
): Steps<GeneratedImage> {
  const { width, height, channels } = pictureShape(output, options.layout);
  const data = numbersOf(output);
  if (isByteStrings(output.data) || isBigData(data)) {
    throw new ServingError('INFERENCE_FAILED', `The model answered pixels of type ${output.dtype}`);
  }
  const keptWidth = kept(width, options.crop?.width);
  const keptHeight = kept(height, options.crop?.height);
  const [low, high] = options.valueRange;
  const asIs =
    data instanceof Uint8Array &&
    low === 0 &&
    high === 255 &&
    (options.layout === 'NHWC' || channels === 1);
  if (asIs && keptWidth === width) {
    // A prefix of the rows: no copy.
    return {
      pixels: data.subarray(0, width * keptHeight * channels),
      width,
      height: keptHeight,
      channels,
    };
  }
  const scale = 255 / (high - low);
  const pixels = new Uint8ClampedArray(keptWidth * keptHeight * channels);
  const [rowStep, columnStep, channelStep] =
    options.layout === 'NHWC' ? [width * channels, channels, 1] : [width, 1, width * height];
  let to = 0;
  for (let y = 0; y < keptHeight; y++) {
    for (let x = 0; x < keptWidth; x++) {
      const from = y * rowStep + x * columnStep;
      for (let c = 0; c < channels; c++) {
        // Uint8ClampedArray rounds and clips; NaN becomes 0.
        pixels[to++] = ((data[from + c * channelStep] ?? 0) - low) * scale;
      }
    }
    // A row has some thousands of values.
    yield;
  }
  return {
    pixels: new Uint8Array(pixels.buffer),
    width: keptWidth,
    height: keptHeight,
    channels,
  };
}

function kept(size: number, fraction: number | undefined): number {
  return fraction === undefined ? size : Math.max(1, Math.round(size * fraction));
}
