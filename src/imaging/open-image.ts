import sharp, { type Sharp } from 'sharp';

import { ServingError } from '../kernel/errors';
import { inSlices } from '../kernel/time-slices';
import { readBmpHeader } from './bmp/bmp-header';
import { bmpSteps } from './bmp/decode-bmp';
import { within } from './deadline';
import { decodingBytes } from './decoding-cost';
import { hasEndMarker } from './end-marker';
import type { Size } from './geometry';
import { undecodable } from './image-errors';
import type { ImageHeader } from './image-header';
import { plainJpegHeader } from './jpeg-header';
import { asItIs, libvipsSource, type LibvipsSource } from './libvips-source';
import { REFUSED_FORMATS } from './refused-formats';
import { pipelineByRule, pipelineOfSamples } from './sample-pipeline';
import type { SampleRule } from './samples-to-rgb';
import { requireSize, type SizeLimits } from './size-limits';
import { IMAGE_FORMATS, sniffImageFormat, type ImageFormat } from './sniff';

export interface DecodeLimits extends SizeLimits {
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

/** An image whose header has been checked; its pixels are decoded when the pipeline is run. */
export interface OpenedImage {
  readonly header: ImageHeader;
  /** Bytes that decoding may take at its peak, guessed. */
  readonly decodingBytes: number;
  /** Whether any decoder makes the same of it: upright, opaque, 8 bits of red, green and blue. */
  readonly isPlain: boolean;
  /**
   * What is upright and without alpha once it is run. What libvips reads by itself is decoded only then,
   * anything else before the promise resolves.
   * @throws ServingError UNDECODABLE_IMAGE, DECODE_TIMEOUT, CLIENT_CLOSED_REQUEST
   */
  readonly pipeline: (signal?: AbortSignal) => Promise<Sharp>;
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
  if (format === 'bmp') return openBmp(bytes, limits);
  const plain = format === 'jpeg' ? plainJpegHeader(bytes) : undefined;
  const source = plain === undefined ? await libvipsSource(bytes, format, limits) : asItIs(bytes);
  const input = sharp(source.bytes, {
    failOn: source.failOn,
    // Checked below, with a message that names both numbers.
    limitInputPixels: false,
    // The first frame or page of several.
    ignoreIcc: !limits.applyIcc,
    pages: 1,
    sequentialRead: true,
  });
  const facts: HeaderFacts =
    plain === undefined
      ? await factsOf(format, input)
      : { ...plain, hasAlpha: false, orientation: 1 };
  requireSize(facts, limits);
  if (!hasEndMarker(bytes, format)) throw undecodable(format, 'its end is missing');
  if (limits.decodeTimeoutS > 0) input.timeout({ seconds: limits.decodeTimeoutS });
  const rule = sampleRule(facts, source, limits);
  const upright = facts.orientation === 1 ? input : input.autoOrient();
  const pixels = facts.width * facts.height;
  return {
    header: { format, ...shownSize(facts) },
    decodingBytes: Math.max(
      decodingBytes(format, pixels) + (rule === undefined ? 0 : pixels * samplesBytes(facts, rule)),
      source.storedBytes ?? 0,
    ),
    isPlain: rule === undefined && isPlain(facts),
    pipeline: async (signal) => {
      await source.verify?.(limits.decodeTimeoutS);
      if (rule === undefined) return opaque(upright, facts, limits);
      const { decodeTimeoutS: timeoutS, background } = limits;
      return pipelineByRule(upright, rule, { format, timeoutS, background, signal });
    },
  };
}

function openBmp(bytes: Uint8Array, limits: DecodeLimits): OpenedImage {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const facts = readBmpHeader(file);
  requireSize(facts, limits);
  const { width, height } = facts;
  return {
    header: { format: 'bmp', width, height },
    decodingBytes: decodingBytes('bmp', width * height),
    // Its many forms are read differently elsewhere.
    isPlain: false,
    pipeline: async (signal) => {
      const steps = within(bmpSteps(file, facts), limits.decodeTimeoutS, 'bmp');
      return pipelineOfSamples(await inSlices(steps, signal), facts, limits);
    },
  };
}

function isPlain({ orientation, channels, hasAlpha, space, depth }: HeaderFacts): boolean {
  const samples = (depth ?? 'uchar') === 'uchar' && (space ?? 'srgb') === 'srgb';
  return orientation === 1 && channels === 3 && !hasAlpha && samples;
}

/** What an image's header says, with its size as it is stored. */
interface HeaderFacts extends Size {
  readonly channels: number;
  readonly hasAlpha: boolean;
  /** EXIF's, 1 to 8; from 5 on rows and columns are exchanged when the image is shown. */
  readonly orientation: number;
  readonly space?: string;
  /** libvips's name of the samples' type: uchar, ushort … */
  readonly depth?: string;
  readonly hasProfile?: boolean;
}

async function factsOf(format: ImageFormat, input: Sharp): Promise<HeaderFacts> {
  try {
    const { orientation = 1, ...facts } = await input.metadata();
    return { ...facts, orientation };
  } catch (cause) {
    throw undecodable(format, cause);
  }
}

/** @returns undefined where libvips makes the right RGB by itself */
function sampleRule(
  { space, depth, hasAlpha, hasProfile }: HeaderFacts,
  { extra, limitedGrey = false }: LibvipsSource,
  { applyIcc }: DecodeLimits,
): SampleRule | undefined {
  // libvips takes CMYK through a profile of a printing press where the file has none.
  const cmyk = space === 'cmyk' && !(applyIcc && hasProfile === true);
  if (!cmyk && extra === undefined && !limitedGrey) return undefined;
  const sampleBytes = cmyk && depth === 'ushort' ? 2 : 1;
  return {
    cmyk,
    sampleBytes,
    extra: extra ?? (hasAlpha ? { alpha: 0 } : {}),
    limitedRange: limitedGrey,
  };
}

/** Bytes of a pixel as libvips hands it out. */
function samplesBytes({ channels }: HeaderFacts, { sampleBytes }: SampleRule): number {
  return Math.max(3, channels) * sampleBytes;
}

function opaque(upright: Sharp, { channels, hasAlpha }: HeaderFacts, limits: DecodeLimits): Sharp {
  // Grey is made RGB before anything is drawn on it: libvips takes only the red of a background.
  const colour = channels <= 2 ? upright.pipelineColourspace('srgb') : upright;
  return hasAlpha ? colour.flatten({ background: limits.background }) : colour;
}

function shownSize({ width, height, orientation }: HeaderFacts): Size {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

/** @throws ServingError BAD_REQUEST, UNSUPPORTED_IMAGE_FORMAT */
function requireSupported(bytes: Uint8Array): ImageFormat {
  if (bytes.length === 0) {
    throw new ServingError('BAD_REQUEST', 'The image is empty: it has 0 bytes');
  }
  const format = sniffImageFormat(bytes);
  const supported = IMAGE_FORMATS.find((candidate) => candidate === format);
  if (supported !== undefined) return supported;
  const allowed = IMAGE_FORMATS.map((name) => name.toUpperCase()).join(', ');
  if (format === undefined || !(format in REFUSED_FORMATS)) {
    throw new ServingError(
      'UNSUPPORTED_IMAGE_FORMAT',
      `The file is not an image of a known format; allowed are ${allowed}`,
    );
  }
  const { name, advice } = REFUSED_FORMATS[format as keyof typeof REFUSED_FORMATS];
  throw new ServingError(
    'UNSUPPORTED_IMAGE_FORMAT',
    `${name} are not accepted; allowed are ${allowed}: ${advice}`,
  );
}
