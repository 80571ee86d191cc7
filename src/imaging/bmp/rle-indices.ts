import type { Steps } from '../../kernel/time-slices';
import { undecodable } from '../image-errors';
import type { BmpHeader } from './bmp-header';

/** Commands between two pauses: each paints 255 pixels at most. */
const STEP_COMMANDS = 1024;

const END_OF_ROW = 0;
const END_OF_PICTURE = 1;
const MOVE = 2;

/**
 * Palette indices of a picture compressed with RLE4 or RLE8, rows as stored, lowest first. Pixels that
 * are skipped are 0.
 * @throws ServingError UNDECODABLE_IMAGE where the data end before the picture does
 */
export function* rleIndices(file: Buffer, header: BmpHeader): Steps<Uint8Array> {
  const { width, height, storage } = header;
  const nibbles = storage === 'rle4';
  const indices = new Uint8Array(width * height);
  let at = header.pixelsAt;
  let x = 0;
  let y = 0;
  const put = (index: number): void => {
    // What reaches over the edge is cut off, as everywhere else.
    if (x < width && y < height) indices[y * width + x] = index;
    x += 1;
  };
  const byte = (): number => {
    const value = file[at];
    if (value === undefined)
      throw undecodable('bmp', 'it is cut off, its compressed data end early');
    at += 1;
    return value;
  };
  for (let command = 0; y < height && !(y === height - 1 && x >= width); command++) {
    if (command % STEP_COMMANDS === 0) yield;
    const count = byte();
    const value = byte();
    if (count > 0) {
      for (let i = 0; i < count; i++) put(nibbles ? nibble(value, i) : value);
    } else if (value === END_OF_ROW) {
      x = 0;
      y += 1;
    } else if (value === END_OF_PICTURE) {
      return indices;
    } else if (value === MOVE) {
      x += byte();
      y += byte();
    } else {
      // Pixels one by one, filled up to an even number of bytes.
      const bytes = nibbles ? Math.ceil(value / 2) : value;
      let last = 0;
      for (let i = 0; i < value; i++) {
        if (!nibbles || i % 2 === 0) last = byte();
        put(nibbles ? nibble(last, i) : last);
      }
      at += bytes % 2;
    }
  }
  return indices;
}

/** The higher half of a byte comes first. */
function nibble(byte: number, position: number): number {
  return position % 2 === 0 ? byte >> 4 : byte & 0x0f;
}
