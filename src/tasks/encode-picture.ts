import { encodeImage } from '../imaging/encode';
import type { Picture, PictureWish } from './task';

/** Pixels as the picture that is wanted. */
export async function encodePicture(
  pixels: Uint8Array,
  size: { readonly width: number; readonly height: number; readonly channels: 1 | 3 | 4 },
  { format, quality }: PictureWish,
): Promise<Picture> {
  const bytes = await encodeImage(pixels, size, {
    format,
    ...(quality === undefined ? {} : { quality }),
  });
  return { bytes, format, width: size.width, height: size.height };
}
