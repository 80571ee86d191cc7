import type { Sharp } from 'sharp';

import type { Steps } from '../kernel/time-slices';
import type { Placement, Size } from './geometry';
import type { ImageHeader } from './image-header';
import type { PreprocessSpec, TensorFlowKernel } from './preprocess-spec';
import { rgbOf, type RgbPicture } from './rgb-picture';

/** Interleaved RGB from 0 to 255, between whole numbers too. */
export interface FloatPicture extends Size {
  readonly data: Float32Array;
}

/** Between which input pixels each output pixel of one direction lies. */
interface Neighbours {
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  /** How far towards the upper one, 0 to 1. */
  readonly share: Float32Array;
}

/**
 * The pixels of a region as they are stored, decoded at full size.
 * @throws ServingError UNDECODABLE_IMAGE
 */
export function regionPixels(
  pipeline: Sharp,
  header: ImageHeader,
  { region }: Placement,
): Promise<RgbPicture> {
  const whole = region.width === header.width && region.height === header.height;
  return rgbOf(whole ? pipeline : pipeline.extract(region), header.format);
}

/**
 * Resizes as TensorFlow's operation ResizeBilinear does, in its 32 bits, and adds bars. The work grows
 * with the result, not with the picture: four pixels are looked at for each of the result.
 * @param picture the region that is resized
 * @param padColor such as `#102030`
 */
export function* resizeAsTensorFlowSteps(
  picture: RgbPicture,
  { resized, padding }: Placement,
  { kernel, padColor }: { readonly kernel: TensorFlowKernel } & Pick<PreprocessSpec, 'padColor'>,
): Steps<FloatPicture> {
  const width = padding.left + resized.width + padding.right;
  const height = padding.top + resized.height + padding.bottom;
  const out = new Float32Array(width * height * 3);
  if (width > resized.width || height > resized.height) yield* fillSteps(out, padColor);
  const { data } = picture;
  const across = neighbours(picture.width, resized.width, kernel);
  const down = neighbours(picture.height, resized.height, kernel);
  const rowBytes = picture.width * 3;
  for (let y = 0; y < resized.height; y++) {
    const upper = (down.lower[y] ?? 0) * rowBytes;
    const lower = (down.upper[y] ?? 0) * rowBytes;
    const shareDown = down.share[y] ?? 0;
    let to = 3 * ((padding.top + y) * width + padding.left);
    for (let x = 0; x < resized.width; x++) {
      const left = (across.lower[x] ?? 0) * 3;
      const right = (across.upper[x] ?? 0) * 3;
      const shareAcross = across.share[x] ?? 0;
      for (let channel = 0; channel < 3; channel++) {
        const topLeft = data[upper + left + channel] ?? 0;
        const bottomLeft = data[lower + left + channel] ?? 0;
        const top = topLeft + ((data[upper + right + channel] ?? 0) - topLeft) * shareAcross;
        const bottom =
          bottomLeft + ((data[lower + right + channel] ?? 0) - bottomLeft) * shareAcross;
        out[to++] = top + (bottom - top) * shareDown;
      }
    }
    yield;
  }
  return { data: out, width, height };
}

function* fillSteps(out: Float32Array, color: string): Steps<void> {
  const number = Number.parseInt(color.slice(1), 16);
  for (const [channel, shift] of [16, 8, 0].entries()) {
    const value = (number >> shift) & 255;
    for (let at = channel; at < out.length; at += 3) out[at] = value;
    yield;
  }
}

function neighbours(side: number, target: number, kernel: TensorFlowKernel): Neighbours {
  const corners = kernel === 'tf-bilinear-align-corners' && target > 1;
  const scale = Math.fround(corners ? (side - 1) / (target - 1) : side / target);
  const offset = kernel === 'tf-bilinear' ? 0.5 : 0;
  const lower = new Int32Array(target);
  const upper = new Int32Array(target);
  const share = new Float32Array(target);
  for (let i = 0; i < target; i++) {
    const position = Math.fround(Math.fround((i + offset) * scale) - offset);
    const floor = Math.floor(position);
    lower[i] = Math.max(floor, 0);
    upper[i] = Math.min(Math.ceil(position), side - 1);
    share[i] = position - floor;
  }
  return { lower, upper, share };
}

/** To whole numbers, the nearest. */
export function* toBytesSteps({ data, width, height }: FloatPicture): Steps<RgbPicture> {
  const out = new Uint8Array(data.length);
  const rowLength = width * 3;
  for (let first = 0; first < data.length; first += rowLength) {
    for (let i = first; i < first + rowLength; i++) out[i] = Math.round(data[i] ?? 0);
    yield;
  }
  return { data: out, width, height };
}
