import { inSlices } from '../kernel/time-slices';
import { withAdobeSegment } from './adobe-segment';
import { inspectAvif } from './avif/inspect-avif';
import type { ExtraSamples } from './samples-to-rgb';
import type { SizeLimits } from './size-limits';
import type { ImageFormat } from './sniff';
import { inspectTiff } from './tiff/inspect-tiff';
import { verifyDeflate } from './tiff/verify-deflate';

/** A file as libvips is given it, and what has to be known of it that libvips does not say. */
export interface LibvipsSource {
  readonly bytes: Uint8Array;
  /**
   * What libvips refuses. At `error` it paints tiles of a TIFF black that it cannot decode; at `warning`
   * it refuses strips, and files of other formats, that are odd but whole.
   */
  readonly failOn: 'error' | 'warning';
  /** Samples beside the colours, where libvips takes them for something else. */
  readonly extra?: ExtraSamples | undefined;
  /** Whether its greys are from 16 to 235. */
  readonly limitedGrey?: boolean;
  /** Bytes of its pixels as they are stored, decompressed, where that is more than the picture. */
  readonly storedBytes?: number;
  /** Checks what takes as long as decoding. @throws ServingError UNDECODABLE_IMAGE, DECODE_TIMEOUT */
  readonly verify?: (timeoutS: number) => Promise<void>;
}

/** As it is: for formats that libvips reads as they are meant. */
export function asItIs(bytes: Uint8Array): LibvipsSource {
  return { bytes, failOn: 'error' };
}

/**
 * Looks into a file of a format that libvips takes too much of, or too little.
 * @throws ServingError UNSUPPORTED_IMAGE_FORMAT, UNDECODABLE_IMAGE, IMAGE_TOO_LARGE
 */
export async function libvipsSource(
  bytes: Uint8Array,
  format: Exclude<ImageFormat, 'bmp'>,
  limits: SizeLimits,
): Promise<LibvipsSource> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case 'jpeg':
      return asItIs(withAdobeSegment(bytes));
    case 'avif':
      return { failOn: 'error', ...inspectAvif(file) };
    case 'tiff': {
      const facts = await inSlices(inspectTiff(file, limits));
      return {
        bytes,
        failOn: facts.layout.tiled ? 'warning' : 'error',
        extra: facts.extra,
        storedBytes: facts.decodedBytes,
        verify: (timeoutS) => verifyDeflate(file, facts, timeoutS),
      };
    }
    case 'png':
    case 'webp':
    case 'gif':
      return asItIs(bytes);
  }
}
