import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';

import type { Size } from './geometry';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const COLOUR_BY_PALETTE = 3;
const compress = promisify(deflate);

/** Red, green and blue, 0 to 255. */
export type Colour = readonly [number, number, number];

/**
 * A PNG whose pixels are indices into a palette (PNG specification, colour type 3), which image
 * libraries choose themselves. It has 1, 2, 4 or 8 bits a pixel, as the palette needs.
 * @param indices one for each pixel, row by row, each within the palette
 * @param palette 1 to 256 colours
 * @throws RangeError when `indices` does not fit the size, or the palette is empty or too long
 */
export async function indexedPng(
  indices: Uint8Array,
  { width, height }: Size,
  palette: readonly Colour[],
): Promise<Buffer> {
  if (indices.length !== width * height) {
    throw new RangeError(`${width}×${height} pixels, given ${indices.length}`);
  }
  if (palette.length < 1 || palette.length > 256) {
    throw new RangeError(`a palette has 1 to 256 colours, given ${palette.length}`);
  }
  const depth = [1, 2, 4].find((bits) => palette.length <= 2 ** bits) ?? 8;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, COLOUR_BY_PALETTE, 0, 0, 0], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flat())),
    // Areas of one index compress well at any level; the fastest is off the main thread for least.
    chunk('IDAT', await compress(packed(indices, width, height, depth), { level: 3 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Rows with their filter (none), the first pixel in the highest bits of a byte. */
function packed(indices: Uint8Array, width: number, height: number, depth: number): Buffer {
  const perByte = 8 / depth;
  const rowBytes = Math.ceil(width / perByte) + 1;
  const rows = Buffer.alloc(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const from = y * width;
    const to = y * rowBytes + 1;
    if (depth === 8) {
      rows.set(indices.subarray(from, from + width), to);
      continue;
    }
    for (let x = 0, at = to; x < width; x += perByte, at++) {
      let byte = 0;
      // Beyond the row there are zeros.
      for (let i = x; i < x + perByte; i++) {
        byte = (byte << depth) | (i < width ? (indices[from + i] ?? 0) : 0);
      }
      rows[at] = byte;
    }
  }
  return rows;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
