import { SOS, jpegSegments } from './jpeg-segments';
import { pngChunks } from './png-chunks';
import type { ImageFormat } from './sniff';

const JPEG_END = Buffer.from([0xff, 0xd9]);

/**
 * Whether a JPEG or PNG has the marker that ends it. libvips reads both row by row and stops behind
 * the last row that is wanted, so a crop of a cut-off upload would pass where the whole picture is
 * refused. The other formats are refused by their decoders. Cheap enough for every upload: headers
 * are walked, pixels are not decoded.
 */
export function hasEndMarker(bytes: Uint8Array, format: ImageFormat): boolean {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (format === 'jpeg') return jpegEnds(file);
  return format === 'png' ? pngChunks(file).ends : true;
}

/** Looks behind the headers only: a thumbnail in them has an end marker of its own. */
function jpegEnds(file: Buffer): boolean {
  for (const { marker, end } of jpegSegments(file)) {
    // Compressed data never holds ff d9: there every ff is followed by 00 or a restart marker.
    if (marker === SOS) return file.includes(JPEG_END, end);
  }
  return false;
}
