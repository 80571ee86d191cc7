import sharp, { type Sharp } from 'sharp';

import { ServingError, messageOf } from '../kernel/errors';
import { hasEndMarker } from './end-marker';
import { plainJpegHeader } from './jpeg-header';
import { IMAGE_FORMATS, sniffImageFormat, type ImageFormat } from './sniff';

export interface DecodeLimits {
  /** Width × height at the most, read from the header before anything is decoded. */
  readonly maxPixels: number;
  /** Pixels of the longer side at most: decoders take rows and columns one by one. */
  readonly maxImageSide: number;
  /** Seconds that decoding may take, a whole number; 0: any time. */
  readonly decodeTimeoutS: number;
  /** Colour that transparent images are laid on, such as `#ffffff`. */
  readonly background: string;
  /**
   * Convert an embedded ICC profile to sRGB. Off by default: it triples the time, and PIL and
   * tf.image, with which models are trained, ignore profiles too.
   */
  readonly applyIcc: boolean;
}

export const DEFAULT_DECODE_LIMITS: DecodeLimits = {
  maxPixels: 50_000_000,
  maxImageSide: 32_768,
  decodeTimeoutS: 10,
  background: '#ffffff',
  applyIcc: false,
};

export interface ImageHeader {
  readonly format: ImageFormat;
  /** Pixels, as the image is shown: after its EXIF orientation. */
  readonly width: number;
  readonly height: number;
}

/** An image whose header has been checked; its pixels are decoded when the pipeline is run. */
export interface OpenedImage {
  readonly header: ImageHeader;
  /** Upright and without alpha once run. */
  readonly pipeline: Sharp;
}

/**
 * Checks what a file is and how large, without decoding it.
 * @throws ServingError BAD_REQUEST (empty), UNSUPPORTED_IMAGE_FORMAT, IMAGE_TOO_LARGE,
 *   UNDECODABLE_IMAGE
 */
export async function readImageHeader(
  bytes: Uint8Array,
  limits: DecodeLimits,
): Promise<ImageHeader> {
  return (await openImage(bytes, limits)).header;
}

/** As `readImageHeader`, and hands back the pipeline that will decode the pixels. */
export async function openImage(bytes: Uint8Array, limits: DecodeLimits): Promise<OpenedImage> {
  const format = requireSupported(bytes);
  const input = sharp(bytes, {
    // Every level refuses a row that is missing. Of 40 LZW TIFFs with broken data inside
    // 'truncated' took all and this 10; 'warning' refuses files that are odd but whole.
    failOn: 'error',
    // Checked below, with a message that names both numbers.
    limitInputPixels: false,
    // The first frame or page of several.
    ignoreIcc: !limits.applyIcc,
    pages: 1,
    sequentialRead: true,
  });
  const facts = await factsOf(bytes, format, input);
  const { width, height } = facts;
  if (width * height > limits.maxPixels) {
    throw new ServingError(
      'IMAGE_TOO_LARGE',
      `The image has ${width}×${height} = ${width * height} pixels; ${limits.maxPixels} are allowed`,
    );
  }
  if (Math.max(width, height) > limits.maxImageSide) {
    throw new ServingError(
      'IMAGE_TOO_LARGE',
      `The image is ${width}×${height}; its sides may have ${limits.maxImageSide} pixels`,
    );
  }
  if (!hasEndMarker(bytes, format)) throw undecodable(format, 'its end is missing');
  if (limits.decodeTimeoutS > 0) input.timeout({ seconds: limits.decodeTimeoutS });
  // Grey is made RGB before anything is drawn on it: libvips takes only the red of a background.
  const colour = facts.channels <= 2 ? input.pipelineColourspace('srgb') : input;
  const upright = facts.orientation === 1 ? colour : colour.autoOrient();
  const opaque = facts.hasAlpha ? upright.flatten({ background: limits.background }) : upright;
  return { header: { format, ...shownSize(facts) }, pipeline: opaque };
}

/** What an image's header says, with its size as it is stored. */
interface HeaderFacts {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly hasAlpha: boolean;
  /** EXIF's, 1 to 8; from 5 on rows and columns are exchanged when the image is shown. */
  readonly orientation: number;
}

async function factsOf(bytes: Uint8Array, format: ImageFormat, input: Sharp): Promise<HeaderFacts> {
  const plain = format === 'jpeg' ? plainJpegHeader(bytes) : undefined;
  if (plain !== undefined) return { ...plain, hasAlpha: false, orientation: 1 };
  try {
    const { orientation = 1, ...facts } = await input.metadata();
    return { ...facts, orientation };
  } catch (cause) {
    throw undecodable(format, cause);
  }
}

function shownSize({ width, height, orientation }: HeaderFacts): {
  readonly width: number;
  readonly height: number;
} {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

/** What sharp says of a pipeline that it ended. */
const TIMED_OUT = /^timeout: \d+% complete/;

/** What is wrong with a broken file, in one line. */
export function undecodable(format: ImageFormat, cause: unknown): ServingError {
  const [line = ''] = messageOf(cause).split('\n');
  if (TIMED_OUT.test(line)) {
    return new ServingError(
      'DECODE_TIMEOUT',
      `The ${format.toUpperCase()} file took too long to decode`,
      { cause },
    );
  }
  return new ServingError(
    'UNDECODABLE_IMAGE',
    `The ${format.toUpperCase()} file is damaged or incomplete: ${line}`,
    { cause },
  );
}

function requireSupported(bytes: Uint8Array): ImageFormat {
  if (bytes.length === 0)
    throw new ServingError('BAD_REQUEST', 'The image is empty: it has 0 bytes');
  const format = sniffImageFormat(bytes);
  const supported = IMAGE_FORMATS.find((candidate) => candidate === format);
  if (supported !== undefined) return supported;
  const allowed = IMAGE_FORMATS.map((name) => name.toUpperCase()).join(', ');
  throw new ServingError(
    'UNSUPPORTED_IMAGE_FORMAT',
    format === undefined
      ? `The file is no image of a known format; allowed are ${allowed}`
      : `${format.toUpperCase()} files are not accepted; allowed are ${allowed}`,
  );
}
