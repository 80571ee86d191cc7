import { DEFAULT_DECODE_LIMITS, type DecodeLimits } from '../../src/imaging/open-image';
import { preprocessImage } from '../../src/imaging/preprocess';
import type { PreprocessSpec } from '../../src/imaging/preprocess-spec';
import { quarterColors } from './pictures';

export const LIMITS = DEFAULT_DECODE_LIMITS;

/** Takes any image as it is: what comes out is what was decoded. */
export const AS_IS: PreprocessSpec = {
  size: { kind: 'dynamic', minSize: 1, maxSize: 4096, multipleOf: 1 },
  fit: 'cover',
  padColor: '#000000',
  shrinkOnLoad: true,
  kernel: 'cubic',
  cropFraction: 1,
  colorOrder: 'rgb',
  layout: 'NHWC',
  dtype: 'uint8',
  normalization: 'none',
};

export interface DecodedAsIs {
  readonly width: number;
  readonly height: number;
  /** Interleaved RGB. */
  readonly data: Uint8Array;
  /** In the middle of the four quarters. */
  readonly colors: (readonly number[])[];
}

/** Decodes a picture to 8-bit RGB as the server does. */
export async function decodedAsIs(
  bytes: Uint8Array,
  limits: DecodeLimits = LIMITS,
): Promise<DecodedAsIs> {
  const { data, width, height } = await preprocessImage(bytes, AS_IS, limits);
  const rgb = Uint8Array.from(data);
  return { width, height, data: rgb, colors: quarterColors(rgb, width, height) };
}
