import type { Steps } from '../../kernel/time-slices';
import { undecodable } from '../image-errors';
import type { RgbSamples } from '../samples-to-rgb';
import { rowBytes, type BmpHeader } from './bmp-header';
import type { ChannelMask } from './channel-mask';
import { rleIndices } from './rle-indices';

/** Pixels between two pauses. */
const STEP_PIXELS = 32_768;

/**
 * The pixels of a BMP, upright. sharp has no decoder for them, and the packages there are ignore where
 * the pixels begin, stop in the middle of 4-bit rows or exchange colours; besides, they hold the thread.
 * @throws ServingError UNDECODABLE_IMAGE
 */
export function* bmpSteps(file: Buffer, header: BmpHeader): Steps<RgbSamples> {
  switch (header.storage) {
    case 'bgr':
      return yield* eachRow(header, 3, (row, out, to) => {
        const from = header.pixelsAt + row * rowBytes(header);
        for (let x = 0; x < header.width; x++) {
          out[to + 3 * x] = file[from + 3 * x + 2] ?? 0;
          out[to + 3 * x + 1] = file[from + 3 * x + 1] ?? 0;
          out[to + 3 * x + 2] = file[from + 3 * x] ?? 0;
        }
      });
    case 'palette':
      return yield* eachRow(header, 3, packedIndices(file, header));
    case 'rle4':
    case 'rle8': {
      const indices = yield* rleIndices(file, header);
      return yield* eachRow(header, 3, (row, out, to) => {
        const from = row * header.width;
        for (let x = 0; x < header.width; x++) {
          paint(header, indices[from + x] ?? 0, out, to + 3 * x);
        }
      });
    }
    case 'masks':
      return yield* maskedPixels(file, header);
  }
}

type WriteRow = (row: number, out: Uint8Array, to: number) => void;

/** Writes every row in the order in which they are stored, to where they are shown. */
function* eachRow(
  { width, height, bottomUp }: BmpHeader,
  channels: 3 | 4,
  write: WriteRow,
): Steps<RgbSamples> {
  const data = new Uint8Array(width * height * channels);
  const rowsPerStep = Math.max(1, Math.floor(STEP_PIXELS / width));
  for (let row = 0; row < height; row++) {
    write(row, data, (bottomUp ? height - 1 - row : row) * width * channels);
    if (row % rowsPerStep === 0) yield;
  }
  return { data, channels };
}

function packedIndices(file: Buffer, header: BmpHeader): WriteRow {
  const { width, bitsPerPixel, pixelsAt } = header;
  const perByte = 8 / bitsPerPixel;
  const mask = 2 ** bitsPerPixel - 1;
  return (row, out, to) => {
    const from = pixelsAt + row * rowBytes(header);
    for (let x = 0; x < width; x++) {
      const byte = file[from + Math.floor(x / perByte)] ?? 0;
      const shift = 8 - bitsPerPixel * ((x % perByte) + 1);
      paint(header, (byte >> shift) & mask, out, to + 3 * x);
    }
  };
}

function paint({ palette }: BmpHeader, index: number, out: Uint8Array, to: number): void {
  const at = index * 3;
  if (at >= palette.length) {
    throw undecodable('bmp', `a pixel has the colour ${index}, and it has ${palette.length / 3}`);
  }
  out[to] = palette[at] ?? 0;
  out[to + 1] = palette[at + 1] ?? 0;
  out[to + 2] = palette[at + 2] ?? 0;
}

function* maskedPixels(file: Buffer, header: BmpHeader): Steps<RgbSamples> {
  const { width, masks } = header;
  const [red, green, blue, alpha] = masks;
  if (red === undefined || green === undefined || blue === undefined) {
    throw undecodable('bmp', 'it has no colour masks');
  }
  const pixelAt = pixelReader(file, header);
  // Many programs announce alpha and leave it 0 everywhere: nobody sends a picture of nothing.
  const opacity =
    alpha !== undefined && (yield* isAnywhereSet(header, pixelAt, alpha)) ? alpha : undefined;
  return yield* eachRow(header, opacity === undefined ? 3 : 4, (row, out, first) => {
    let to = first;
    for (let x = 0; x < width; x++) {
      const pixel = pixelAt(row, x);
      out[to++] = level(pixel, red);
      out[to++] = level(pixel, green);
      out[to++] = level(pixel, blue);
      if (opacity !== undefined) out[to++] = level(pixel, opacity);
    }
  });
}

type PixelReader = (row: number, x: number) => number;

function pixelReader(file: Buffer, header: BmpHeader): PixelReader {
  const { pixelsAt, bitsPerPixel } = header;
  const bytes = rowBytes(header);
  return bitsPerPixel === 32
    ? (row, x) => file.readUInt32LE(pixelsAt + row * bytes + 4 * x)
    : (row, x) => file.readUInt16LE(pixelsAt + row * bytes + 2 * x);
}

function* isAnywhereSet(
  { width, height }: BmpHeader,
  pixelAt: PixelReader,
  mask: ChannelMask,
): Steps<boolean> {
  const rowsPerStep = Math.max(1, Math.floor(STEP_PIXELS / width));
  for (let row = 0; row < height; row++) {
    for (let x = 0; x < width; x++) if (level(pixelAt(row, x), mask) > 0) return true;
    if (row % rowsPerStep === 0) yield;
  }
  return false;
}

function level(pixel: number, { shift, mask, levels }: ChannelMask): number {
  return levels[(pixel >>> shift) & mask] ?? 0;
}
