import sharp from 'sharp';

import { ServingError } from '../kernel/errors';
import type { Size } from './geometry';

export type EncodeFormat = 'png' | 'jpeg' | 'webp';

export const IMAGE_MEDIA_TYPES: Readonly<Record<EncodeFormat, string>> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
};

export interface EncodeOptions {
  readonly format: EncodeFormat;
  /** 1–100; not used for PNG, which is lossless. @default 90 */
  readonly quality?: number;
}

const DEFAULT_QUALITY = 90;
/** Pixels that a side may have. */
const MAX_SIDE: Readonly<Record<EncodeFormat, number>> = {
  png: 2 ** 31 - 1,
  jpeg: 65_535,
  webp: 16_383,
};

/**
 * @throws ServingError IMAGE_TOO_LARGE when a picture has longer sides than the format can hold; names
 *   one that can
 */
export function requireEncodable({ width, height }: Size, format: EncodeFormat): void {
  const longest = Math.max(width, height);
  if (longest <= MAX_SIDE[format]) return;
  const others = (['jpeg', 'png'] as const).filter((other) => longest <= MAX_SIDE[other]);
  throw new ServingError(
    'IMAGE_TOO_LARGE',
    `The answer has ${width}×${height} pixels, and the sides of a ${format} have at most ${MAX_SIDE[format]}: ask for ${others.join(' or ')}`,
  );
}

/**
 * Compresses interleaved 8-bit pixels.
 * @throws ServingError IMAGE_TOO_LARGE when the format cannot hold such a picture
 * @throws RangeError when `pixels` does not hold width × height × channels bytes, or the quality is
 *   no whole number from 1 to 100
 */
export async function encodeImage(
  pixels: Uint8Array,
  size: { readonly width: number; readonly height: number; readonly channels: 1 | 3 | 4 },
  { format, quality = DEFAULT_QUALITY }: EncodeOptions,
): Promise<Buffer> {
  const expected = size.width * size.height * size.channels;
  if (pixels.length !== expected) {
    throw new RangeError(
      `${size.width}×${size.height}×${size.channels} pixels are ${expected} bytes, given ${pixels.length}`,
    );
  }
  if (!Number.isInteger(quality) || quality < 1 || quality > 100) {
    throw new RangeError(`quality is a whole number from 1 to 100, given ${quality}`);
  }
  requireEncodable(size, format);
  const raw = sharp(pixels, { raw: size, limitInputPixels: false });
  const image = size.channels === 1 ? raw.toColourspace('b-w') : raw;
  switch (format) {
    case 'png':
      // Level 6 takes several times as long for a few per cent.
      return image.png({ compressionLevel: 3 }).toBuffer();
    case 'jpeg':
      // JPEG has no transparency; sharp would lay it on black.
      return image.flatten({ background: '#ffffff' }).jpeg({ quality }).toBuffer();
    case 'webp':
      return image.webp({ quality }).toBuffer();
  }
}
