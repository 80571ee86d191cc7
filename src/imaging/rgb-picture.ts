import sharp, { type Sharp } from 'sharp';

import type { Steps } from '../kernel/time-slices';

import type { Size } from './geometry';
import { undecodable } from './image-errors';
import type { ImageFormat } from './sniff';

/** Pixels that are turned grey between two pauses. */
const STEP_PIXELS = 65_536;

/** Interleaved 8-bit RGB. */
export interface RgbPicture extends Size {
  readonly data: Uint8Array;
}

/**
 * Runs a pipeline, whatever comes out of it: CMYK, 16-bit, palette, grey.
 * @throws ServingError UNDECODABLE_IMAGE, which names `format`
 */
export async function rgbOf(pipeline: Sharp, format: ImageFormat): Promise<RgbPicture> {
  try {
    const { data, info } = await pipeline
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (data.length !== info.width * info.height * 3) {
      throw new Error(`decoded to ${info.channels} channels instead of 3`);
    }
    return { data, width: info.width, height: info.height };
  } catch (cause) {
    throw undecodable(format, cause);
  }
}

/** A pipeline that begins with pixels. */
export function pipelineOf({ data, width, height }: RgbPicture): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false });
}

/**
 * RGB to grey with the weights of BT.601, 0.299, 0.587 and 0.114, which PIL and tf.image use and
 * models are trained with. libvips weighs linear light instead and is up to tens of levels off.
 */
export function* toLumaSteps(rgb: Uint8Array): Steps<Uint8Array> {
  const out = new Uint8Array(rgb.length / 3);
  for (let i = 0, from = 0; i < out.length; i++, from += 3) {
    // In 1/65536; the weights add up to 65536, so greys stay what they are.
    out[i] =
      ((rgb[from] ?? 0) * 19595 +
        (rgb[from + 1] ?? 0) * 38470 +
        (rgb[from + 2] ?? 0) * 7471 +
        32768) >>
      16;
    if (i % STEP_PIXELS === 0) yield;
  }
  return out;
}

/** As `toLumaSteps`, for values between whole numbers. */
export function* toFloatLumaSteps(rgb: Float32Array): Steps<Float32Array> {
  const out = new Float32Array(rgb.length / 3);
  for (let i = 0, from = 0; i < out.length; i++, from += 3) {
    out[i] = 0.299 * (rgb[from] ?? 0) + 0.587 * (rgb[from + 1] ?? 0) + 0.114 * (rgb[from + 2] ?? 0);
    if (i % STEP_PIXELS === 0) yield;
  }
  return out;
}
