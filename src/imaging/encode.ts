import sharp from 'sharp';

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

/**
 * Compresses interleaved 8-bit pixels.
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
  const raw = sharp(pixels, { raw: size });
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
