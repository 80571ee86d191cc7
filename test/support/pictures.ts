import sharp, { type Sharp } from 'sharp';

import { bmpOf } from './bmp-file';

/** Colours of the four quarters of the test card, from left to right and top to bottom. */
export const CARD_COLORS = [
  [220, 30, 40],
  [30, 200, 60],
  [40, 60, 210],
  [230, 210, 50],
] as const;

/** Raw RGB pixels of a card with a colour in each quarter: it shows every turn and flip. */
export function cardPixels(width: number, height: number): Buffer {
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const quarter = (y < height / 2 ? 0 : 2) + (x < width / 2 ? 0 : 1);
      pixels.set(CARD_COLORS[quarter] ?? [0, 0, 0], (y * width + x) * 3);
    }
  }
  return pixels;
}

export function card(width = 64, height = 48): Sharp {
  return sharp(cardPixels(width, height), { raw: { width, height, channels: 3 } });
}

/** The card in each format that is accepted, compressed lightly. */
export const ENCODERS = {
  jpeg: (image: Sharp) => image.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(),
  png: (image: Sharp) => image.png().toBuffer(),
  webp: (image: Sharp) => image.webp({ lossless: true }).toBuffer(),
  gif: (image: Sharp) => image.gif().toBuffer(),
  tiff: (image: Sharp) => image.tiff({ compression: 'lzw' }).toBuffer(),
  avif: (image: Sharp) => image.avif({ quality: 90, effort: 0 }).toBuffer(),
  bmp: async (image: Sharp) => {
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    return bmpOf(data, info.width, info.height);
  },
} as const;

export type Encodable = keyof typeof ENCODERS;
export const FORMATS = Object.keys(ENCODERS) as Encodable[];

/** Colours in the middle of the four quarters of interleaved RGB pixels. */
export function quarterColors(
  data: ArrayLike<number>,
  width: number,
  height: number,
): (readonly number[])[] {
  return [
    [0.25, 0.25],
    [0.75, 0.25],
    [0.25, 0.75],
    [0.75, 0.75],
  ].map(([fx = 0, fy = 0]) => {
    const at = (Math.floor(fy * height) * width + Math.floor(fx * width)) * 3;
    return [data[at] ?? NaN, data[at + 1] ?? NaN, data[at + 2] ?? NaN];
  });
}

/** Fails unless every channel of every colour is within `tolerance`. */
export function expectColors(
  actual: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
  tolerance: number,
): void {
  const off = actual.flatMap((color, i) =>
    color.filter((value, c) => !(Math.abs(value - (expected[i]?.[c] ?? NaN)) <= tolerance)),
  );
  // Shown side by side when it fails.
  if (off.length > 0) expect(actual).toEqual(expected);
}
