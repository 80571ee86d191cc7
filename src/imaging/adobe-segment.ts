import { SOS, jpegSegments } from './jpeg-segments';

const APP14 = 0xee;
const ADOBE = Buffer.from('Adobe', 'latin1');
/** Behind the marker and its length: version 100, no flags, no colour transformation. */
const ADOBE_SEGMENT = Buffer.concat([
  Buffer.from([0xff, APP14, 0, 14]),
  ADOBE,
  Buffer.from([0, 100, 0, 0, 0, 0, 0]),
]);
const COMPONENTS_AT = 5;

/** Markers that start a frame, whatever its coding process. */
const FRAMES = [0xc0, 0xc1, 0xc2, 0xc3, 0xc9, 0xca];

/**
 * The file with Adobe's segment where it is CMYK without one. Inks are stored the other way round in
 * every CMYK JPEG that is found, and PIL, tf.image and browsers read all of them so; libvips does where
 * it finds the segment.
 */
export function withAdobeSegment(bytes: Uint8Array): Uint8Array {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let components = 0;
  for (const { marker, start, end } of jpegSegments(file)) {
    if (marker === APP14 && file.subarray(start, start + ADOBE.length).equals(ADOBE)) return bytes;
    if (FRAMES.includes(marker) && end <= file.length)
      components = file[start + COMPONENTS_AT] ?? 0;
    if (marker === SOS) break;
  }
  if (components !== 4) return bytes;
  return Buffer.concat([file.subarray(0, 2), ADOBE_SEGMENT, file.subarray(2)]);
}
