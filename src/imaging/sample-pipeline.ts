import sharp, { type Sharp } from 'sharp';

import { inSlices } from '../kernel/time-slices';
import { within } from './deadline';
import type { Size } from './geometry';
import { undecodable } from './image-errors';
import { toRgbSteps, type RgbSamples, type SampleRule } from './samples-to-rgb';
import type { ImageFormat } from './sniff';

export interface SamplePipelineOptions {
  readonly format: ImageFormat;
  /** Seconds for what is done on this thread; 0: any time. */
  readonly timeoutS: number;
  /** Colour that transparent pixels are laid on. */
  readonly background: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Decodes a picture as a whole and makes RGB of its samples, where libvips would make something else.
 * @param upright pipeline of the file, turned and nothing else
 * @throws ServingError UNDECODABLE_IMAGE, DECODE_TIMEOUT, CLIENT_CLOSED_REQUEST
 */
export async function pipelineByRule(
  upright: Sharp,
  rule: SampleRule,
  options: SamplePipelineOptions,
): Promise<Sharp> {
  const { data, info } = await samplesOf(upright, rule, options.format);
  const steps = within(toRgbSteps(data, info.channels, rule), options.timeoutS, options.format);
  return pipelineOfSamples(await inSlices(steps, options.signal), info, options);
}

/** A pipeline that begins with pixels, laid on the background where they are transparent. */
export function pipelineOfSamples(
  { data, channels }: RgbSamples,
  { width, height }: Size,
  { background }: Pick<SamplePipelineOptions, 'background'>,
): Sharp {
  const pipeline = sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
  return channels === 4 ? pipeline.flatten({ background }) : pipeline;
}

async function samplesOf(
  upright: Sharp,
  { cmyk, sampleBytes }: SampleRule,
  format: ImageFormat,
): Promise<{ readonly data: Buffer; readonly info: Size & { readonly channels: number } }> {
  const colours = cmyk
    ? upright.pipelineColourspace('cmyk').toColourspace('cmyk')
    : upright.toColourspace('srgb');
  try {
    return await colours
      .raw({ depth: sampleBytes === 2 ? 'ushort' : 'uchar' })
      .toBuffer({ resolveWithObject: true });
  } catch (cause) {
    throw undecodable(format, cause);
  }
}
