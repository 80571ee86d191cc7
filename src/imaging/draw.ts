import { createRequire } from 'node:module';

import sharp, { type OverlayOptions } from 'sharp';

import type { Region } from './geometry';
import type { Colour } from './indexed-png';
import { pipelineOf, type RgbPicture } from './rgb-picture';

/** A font that comes with a package: small images of Linux have none. */
const FONT_FILE = createRequire(__filename).resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf');
const FONT = 'DejaVu Sans Bold';
/** Points in an inch: at this resolution a point is a pixel. */
const DPI = 72;

/** Fills the part of a rectangle that lies in the picture. */
export function fillRectangle(
  { data, width, height }: RgbPicture,
  { left, top, width: w, height: h }: Region,
  colour: Colour,
): void {
  const [fromX, toX] = [Math.max(0, left), Math.min(width, left + w)];
  for (let y = Math.max(0, top); y < Math.min(height, top + h); y++) {
    for (let at = 3 * (y * width + fromX); at < 3 * (y * width + toX); at += 3)
      data.set(colour, at);
  }
}

/** Draws the edge of a rectangle, `thickness` pixels wide, inside of it. */
export function strokeRectangle(
  picture: RgbPicture,
  { left, top, width, height }: Region,
  thickness: number,
  colour: Colour,
): void {
  const [x, y] = [Math.min(thickness, width), Math.min(thickness, height)];
  fillRectangle(picture, { left, top, width, height: y }, colour);
  fillRectangle(picture, { left, top: top + height - y, width, height: y }, colour);
  fillRectangle(picture, { left, top, width: x, height }, colour);
  fillRectangle(picture, { left: left + width - x, top, width: x, height }, colour);
}

/** Text without a background, as pixels to be laid on a picture. */
export interface TextPixels {
  readonly input: Buffer;
  readonly raw: NonNullable<OverlayOptions['raw']>;
}

/**
 * @param text any; it is not taken as markup
 * @param size of the font, in pixels
 */
export async function drawText(
  text: string,
  size: number,
  colour: 'black' | 'white',
): Promise<TextPixels> {
  const { data, info } = await sharp({
    text: {
      text: `<span foreground="${colour}">${escaped(text)}</span>`,
      font: `${FONT} ${String(size)}`,
      fontfile: FONT_FILE,
      rgba: true,
      dpi: DPI,
    },
  })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { input: data, raw: { width: info.width, height: info.height, channels: info.channels } };
}

/** For Pango's markup; what is not a character there is left out. */
function escaped(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cs}]/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

/** Text and where its upper left corner goes. */
export interface PlacedText extends TextPixels {
  readonly left: number;
  readonly top: number;
}

/** A picture with texts laid on it. */
export async function composeTexts(
  picture: RgbPicture,
  texts: readonly PlacedText[],
): Promise<RgbPicture> {
  if (texts.length === 0) return picture;
  const { data, info } = await pipelineOf(picture)
    .composite(texts.map(({ input, raw, left, top }) => ({ input, raw, left, top })))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}
