import { indexedPng, type Colour } from '../../imaging/indexed-png';
import type { RgbPicture } from '../../imaging/rgb-picture';
import type { Steps } from '../../kernel/time-slices';
import { classColour } from '../class-colours';
import { NOT_SHOWN, type Segmentation } from './segment';

const BLACK: Colour = [0, 0, 0];
const WHITE: Colour = [255, 255, 255];
const GREY: Colour = [128, 128, 128];

/** The pixels of one class as a black and white PNG of one bit a pixel. */
export async function maskPng(segmentation: Segmentation, index: number): Promise<Buffer> {
  const { classes } = segmentation;
  const inside = new Uint8Array(classes.length);
  for (let i = 0; i < classes.length; i++) inside[i] = classes[i] === index ? 1 : 0;
  return indexedPng(inside, segmentation, [BLACK, WHITE]);
}

/** What the pixels of the mask of all classes say, and the colour of each. */
export interface IndexMask {
  /** Classes; of a model of one class, 1 where it is. 255: not shown to the model. */
  readonly indices: Uint8Array;
  readonly palette: readonly Colour[];
}

export function indexMask(
  { classes, opacity }: Segmentation,
  background: number | undefined,
): IndexMask {
  const ofOneClass = opacity !== undefined;
  const palette = Array.from({ length: 256 }, (_, index) => {
    if (index === NOT_SHOWN) return GREY;
    return (ofOneClass ? index === 0 : index === background) ? BLACK : classColour(index);
  });
  return {
    indices: ofOneClass ? classes.map((index) => (index === NOT_SHOWN ? 0 : 1)) : classes,
    palette,
  };
}

/** The mask as colours, for formats without a palette. */
export function* colouredMask({ indices, palette }: IndexMask, width: number): Steps<Uint8Array> {
  const rgb = new Uint8Array(indices.length * 3);
  for (let i = 0; i < indices.length; i++) {
    rgb.set(palette[indices[i] ?? 0] ?? BLACK, i * 3);
    if (i % width === 0) yield;
  }
  return rgb;
}

/** The photo with an alpha channel: what is background, or nothing, is transparent. */
export function* cutout(
  photo: RgbPicture,
  { classes, opacity }: Segmentation,
  background: number | undefined,
): Steps<Uint8Array> {
  const rgba = new Uint8Array(classes.length * 4);
  for (let i = 0; i < classes.length; i++) {
    const index = classes[i] ?? NOT_SHOWN;
    const isShown = index !== NOT_SHOWN && index !== background;
    rgba[i * 4] = photo.data[i * 3] ?? 0;
    rgba[i * 4 + 1] = photo.data[i * 3 + 1] ?? 0;
    rgba[i * 4 + 2] = photo.data[i * 3 + 2] ?? 0;
    rgba[i * 4 + 3] = opacity === undefined ? (isShown ? 255 : 0) : (opacity[i] ?? 0);
    if (i % photo.width === 0) yield;
  }
  return rgba;
}
