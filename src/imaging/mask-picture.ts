import sharp from 'sharp';

import type { Colour } from './indexed-png';

/** A mask as an image file, bright where it holds, and what it is painted with. */
export interface TintedMask {
  readonly bytes: Uint8Array;
  readonly colour: Colour;
}

/** A level from which on a mask holds. */
const HOLDS = 128;

/**
 * Paints masks of one size over each other, the last on top; clear where none holds.
 * @param edge most pixels of the longer side
 * @returns a lossless WebP; undefined without masks
 * @throws Error of sharp where the bytes cannot be decoded
 */
export async function tintMasks(
  masks: readonly TintedMask[],
  edge: number,
): Promise<Buffer | undefined> {
  let size: { readonly width: number; readonly height: number } | undefined;
  let painted = new Uint8Array();
  for (const { bytes, colour } of masks) {
    const fit = size === undefined ? 'inside' : 'fill';
    const { data, info } = await sharp(bytes, { failOn: 'none', pages: 1 })
      .resize({
        ...(size ?? { width: edge, height: edge, withoutEnlargement: true }),
        fit,
        kernel: 'nearest',
      })
      .removeAlpha()
      .toColourspace('b-w')
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (size === undefined) {
      size = { width: info.width, height: info.height };
      painted = new Uint8Array(info.width * info.height * 4);
    }
    const [red, green, blue] = colour;
    for (let from = 0, to = 0; from < data.length; from++, to += 4) {
      if ((data[from] ?? 0) < HOLDS) continue;
      painted[to] = red;
      painted[to + 1] = green;
      painted[to + 2] = blue;
      painted[to + 3] = 255;
    }
  }
  if (size === undefined) return undefined;
  return sharp(painted, { raw: { ...size, channels: 4 } })
    .webp({ lossless: true, effort: 1 })
    .toBuffer();
}
