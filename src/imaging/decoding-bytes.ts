import type { ImageHeader } from './open-image';
import type { ImageFormat } from './sniff';

/**
 * Bytes per pixel that decoding takes at its peak: what libvips and the libraries below it were seen
 * to take for pictures of 49 megapixels (bench/proofs/decoding-memory.mjs), rounded up.
 */
const BYTES_PER_PIXEL: Readonly<Record<ImageFormat, number>> = {
  jpeg: 4,
  png: 4,
  webp: 8,
  gif: 8,
  tiff: 4,
  avif: 16,
};

/** Bytes that decoding an image may take, guessed from its header. */
export function decodingBytes({ format, width, height }: ImageHeader): number {
  return width * height * BYTES_PER_PIXEL[format];
}
