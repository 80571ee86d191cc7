import type { Region } from './geometry';
import type { RgbPicture } from './rgb-picture';

const CHANNELS = 3;

/**
 * Copies a part of a picture, interleaved RGB. Where it goes beyond the right and the lower edge, the pixels
 * of the edge are repeated.
 * @param region begins inside the picture
 */
export function cutTile({ data, width, height }: RgbPicture, region: Region): Uint8Array {
  const tile = new Uint8Array(region.width * region.height * CHANNELS);
  const line = region.width * CHANNELS;
  const inside = Math.min(region.width, width - region.left) * CHANNELS;
  for (let y = 0; y < region.height; y++) {
    const from = (Math.min(region.top + y, height - 1) * width + region.left) * CHANNELS;
    const to = y * line;
    tile.set(data.subarray(from, from + inside), to);
    for (let x = inside; x < line; x += CHANNELS) {
      tile.copyWithin(to + x, to + inside - CHANNELS, to + inside);
    }
  }
  return tile;
}
