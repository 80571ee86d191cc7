import { undecodable } from '../image-errors';
import type { TiffDirectory } from './tiff-directory';
import { COMPRESSION, TAG } from './tiff-tags';

/** How the samples of a TIFF's first picture are stored. */
export interface TiffLayout {
  readonly width: number;
  readonly height: number;
  readonly compression: number;
  readonly samples: number;
  readonly bits: number;
  /** Whether every sample has strips or tiles of its own. */
  readonly separate: boolean;
  readonly tiled: boolean;
  /** Pixels of a strip or tile; the last strips have fewer rows. */
  readonly chunkWidth: number;
  readonly chunkHeight: number;
  /** Strips or tiles. */
  readonly chunks: number;
}

/** A strip or tile as it stands in the file. */
export interface TiffChunk {
  readonly index: number;
  readonly start: number;
  /** Behind its last byte; may lie behind the end of the file. */
  readonly end: number;
}

/** @throws ServingError UNDECODABLE_IMAGE */
export function layoutOf(directory: TiffDirectory): TiffLayout {
  const width = required(directory, TAG.imageWidth, 'ImageWidth');
  const height = required(directory, TAG.imageLength, 'ImageLength');
  const samples = directory.number(TAG.samplesPerPixel) ?? 1;
  const tiled = directory.has(TAG.tileWidth) || directory.has(TAG.tileOffsets);
  const chunkWidth = tiled ? required(directory, TAG.tileWidth, 'TileWidth') : width;
  const chunkHeight = tiled
    ? required(directory, TAG.tileLength, 'TileLength')
    : Math.min(height, directory.number(TAG.rowsPerStrip) ?? height);
  if (Math.min(samples, chunkWidth, chunkHeight) < 1) throw undecodable('tiff', 'its sizes are 0');
  const separate = directory.number(TAG.planarConfiguration) === 2 && samples > 1;
  return {
    width,
    height,
    compression: directory.number(TAG.compression) ?? COMPRESSION.none,
    samples,
    bits: directory.number(TAG.bitsPerSample) ?? 1,
    separate,
    tiled,
    chunkWidth,
    chunkHeight,
    chunks:
      Math.ceil(width / chunkWidth) * Math.ceil(height / chunkHeight) * (separate ? samples : 1),
  };
}

/** Bytes of a strip or tile once it is decompressed, at most. */
export function chunkBytes({ bits, samples, separate, ...layout }: TiffLayout): number {
  const rowBytes = Math.ceil((layout.chunkWidth * bits * (separate ? 1 : samples)) / 8);
  return rowBytes * layout.chunkHeight;
}

/**
 * Where a strip or tile stands.
 * @throws ServingError UNDECODABLE_IMAGE where the directory does not say
 */
export function chunkAt(directory: TiffDirectory, layout: TiffLayout, index: number): TiffChunk {
  const { tiled, compression } = layout;
  const start = directory.number(tiled ? TAG.tileOffsets : TAG.stripOffsets, index);
  const bytes = directory.number(tiled ? TAG.tileByteCounts : TAG.stripByteCounts, index);
  // What is not compressed has a known length, and the count of bytes is wrong in many files.
  const length = compression === COMPRESSION.none ? storedBytes(layout, index) : bytes;
  if (start === undefined || length === undefined) {
    throw undecodable('tiff', `it does not say where ${chunkName(layout, index)} is`);
  }
  if (start === 0 || length === 0) {
    throw undecodable('tiff', `${chunkName(layout, index)} is missing, as in sparse files`);
  }
  return { index, start, end: start + length };
}

/** "tile 3 of 12" */
export function chunkName({ tiled, chunks }: TiffLayout, index: number): string {
  return `${tiled ? 'tile' : 'strip'} ${index + 1} of ${chunks}`;
}

/** Bytes of a strip or tile that is not compressed. */
function storedBytes(layout: TiffLayout, index: number): number {
  const { tiled, height, chunkHeight } = layout;
  if (tiled) return chunkBytes(layout);
  const strips = Math.ceil(height / chunkHeight);
  const rows = Math.min(chunkHeight, height - (index % strips) * chunkHeight);
  return chunkBytes({ ...layout, chunkHeight: rows });
}

function required(directory: TiffDirectory, tag: number, name: string): number {
  const value = directory.number(tag);
  if (value === undefined) throw undecodable('tiff', `its tag ${name} is missing`);
  return value;
}
