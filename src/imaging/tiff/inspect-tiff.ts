import { ServingError } from '../../kernel/errors';
import type { Steps } from '../../kernel/time-slices';
import { undecodable } from '../image-errors';
import type { ExtraSamples } from '../samples-to-rgb';
import { requireSize, type SizeLimits } from '../size-limits';
import { TiffDirectory } from './tiff-directory';
import { samplesMeant } from './tiff-kind';
import { chunkAt, chunkBytes, chunkName, layoutOf, type TiffLayout } from './tiff-layout';
import { COMPRESSION } from './tiff-tags';

/** Strips or tiles that are looked at between two pauses. */
const STEP_CHUNKS = 4096;

/** Of a picture of the most pixels: four samples of 16 bits, and twice that for tiles over its edge. */
const MAX_BYTES_PER_PIXEL = 16;

const JPEG_END = Buffer.from([0xff, 0xd9]);
/** Bytes behind the end of a JPEG that a writer may have padded a strip or tile with. */
const MAX_PADDING = 1024;

/** What libvips does not say of a TIFF. */
export interface TiffFacts {
  readonly directory: TiffDirectory;
  readonly layout: TiffLayout;
  /** Absent where libvips takes the samples for what they are. */
  readonly extra: ExtraSamples | undefined;
  /** Bytes of all strips or tiles, decompressed; more than the picture where tiles reach over its edge. */
  readonly decodedBytes: number;
}

/**
 * Reads the first directory, before libvips does: libvips paints tiles black that it cannot decode, and
 * takes samples for what they are not.
 * @throws ServingError UNDECODABLE_IMAGE, UNSUPPORTED_IMAGE_FORMAT, IMAGE_TOO_LARGE
 */
export function* inspectTiff(file: Buffer, limits: SizeLimits): Steps<TiffFacts> {
  const directory = new TiffDirectory(file);
  const layout = layoutOf(directory);
  const extra = samplesMeant(directory, layout);
  requireSize(layout, limits);
  requireModestChunks(layout, limits);
  for (let index = 0; index < layout.chunks; index++) {
    requireWhole(file, directory, layout, index);
    if (index % STEP_CHUNKS === 0) yield;
  }
  return { directory, layout, extra, decodedBytes: layout.chunks * chunkBytes(layout) };
}

/**
 * Tiles are decoded as a whole, however little of them the picture shows, and so are samples that it
 * does not show.
 */
function requireModestChunks(layout: TiffLayout, { maxPixels }: SizeLimits): void {
  const { tiled, chunkWidth, chunkHeight, chunks } = layout;
  if (tiled && chunkWidth * chunkHeight > maxPixels) {
    throw new ServingError(
      'IMAGE_TOO_LARGE',
      `The tiles of the TIFF file have ${chunkWidth}×${chunkHeight} pixels; ${maxPixels} are allowed`,
    );
  }
  const bytes = chunks * chunkBytes(layout);
  const most = MAX_BYTES_PER_PIXEL * maxPixels;
  if (bytes <= most) return;
  throw new ServingError(
    'IMAGE_TOO_LARGE',
    `The ${tiled ? 'tiles' : 'strips'} of the TIFF file have ${bytes} bytes; ${most} are allowed`,
  );
}

/** @throws ServingError UNDECODABLE_IMAGE */
function requireWhole(
  file: Buffer,
  directory: TiffDirectory,
  layout: TiffLayout,
  index: number,
): void {
  const { start, end } = chunkAt(directory, layout, index);
  if (end > file.length) {
    throw undecodable(
      'tiff',
      `it is cut off, ${chunkName(layout, index)} ends at byte ${end} and the file at ${file.length}`,
    );
  }
  // libjpeg fills with grey what does not come.
  if (layout.compression === COMPRESSION.jpeg) {
    const tail = file.subarray(Math.max(start, end - MAX_PADDING), end);
    if (!tail.includes(JPEG_END)) {
      throw undecodable('tiff', `the end of the JPEG in ${chunkName(layout, index)} is missing`);
    }
  }
}
