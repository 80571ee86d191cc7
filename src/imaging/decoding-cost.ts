import { pngChunks } from './png-chunks';
import { sniffImageFormat, type ImageFormat } from './sniff';

/**
 * Bytes per pixel that decoding takes at its peak, rounded up: seen with pictures of 49 megapixels, for
 * JPEG progressive ones, for PNG interlaced ones of 16 bits.
 */
const BYTES_PER_PIXEL: Readonly<Record<ImageFormat, number>> = {
  jpeg: 4,
  png: 8,
  webp: 8,
  gif: 5,
  tiff: 4,
  avif: 16,
  bmp: 8,
};

/** A picture that needs more memory than this to decode takes long as well: 12 megapixels are below. */
const LARGE_BYTES = 128 * 1024 * 1024;
/** A PNG of more chunks beside its pixels, or more compressed bytes in them, was made to take long. */
const MANY_CHUNKS = 2000;
const MUCH_COMPRESSED = 256 * 1024;

/** Bytes that decoding an image may take, guessed from its header. */
export function decodingBytes(format: ImageFormat, pixels: number): number {
  return pixels * BYTES_PER_PIXEL[format];
}

/** Whether decoding may take seconds. @param bytes of memory that it may take */
export function isLarge(bytes: number): boolean {
  return bytes > LARGE_BYTES;
}

/** Whether reading the header alone may take seconds. */
export function isSlowToOpen(bytes: Uint8Array): boolean {
  if (sniffImageFormat(bytes) !== 'png') return false;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { others, compressedBytes } = pngChunks(file);
  return others > MANY_CHUNKS || compressedBytes > MUCH_COMPRESSED;
}
