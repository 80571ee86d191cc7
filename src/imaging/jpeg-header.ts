import { SOS, jpegSegments, type JpegSegment } from './jpeg-segments';

export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** 1 is grey, 3 is colour. */
  readonly channels: 1 | 3;
}

/** Baseline, extended and progressive, all with Huffman codes: what cameras and browsers write. */
const FRAMES = [0xc0, 0xc1, 0xc2];
/** Every other marker that starts a frame: lossless, hierarchical, arithmetic. */
const RARE_FRAMES = [0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf];
const APP1 = 0xe1;
const EXIF = Buffer.from('Exif\0\0', 'latin1');
const ORIENTATION_TAG = 0x0112;
const SHORT_TYPE = 3;
const ENTRY_BYTES = 12;

/**
 * Reads a JPEG's header where it is a plain one: 8 bits, grey or three colours, upright. Anything
 * else, and anything doubtful, is left to libvips, to which each look at a file costs 0.15 ms.
 * @returns undefined when libvips has to be asked
 */
export function plainJpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: JpegHeader | undefined;
  let exifSeen = false;
  for (const segment of jpegSegments(file)) {
    const { marker, start, end } = segment;
    if (end > file.length) return undefined;
    if (marker === SOS) return header;
    if (RARE_FRAMES.includes(marker)) return undefined;
    if (FRAMES.includes(marker)) {
      if (header !== undefined) return undefined;
      header = frameHeader(file, segment);
      if (header === undefined) return undefined;
    }
    if (marker === APP1 && file.subarray(start, start + EXIF.length).equals(EXIF)) {
      if (exifSeen || !isUpright(file.subarray(start + EXIF.length, end))) return undefined;
      exifSeen = true;
    }
  }
  return undefined;
}

function frameHeader(file: Buffer, { start, end }: JpegSegment): JpegHeader | undefined {
  if (end - start < 6) return undefined;
  const height = file.readUInt16BE(start + 1);
  const width = file.readUInt16BE(start + 3);
  const channels = file[start + 5];
  const plain = file[start] === 8 && width > 0 && height > 0;
  // A height of 0 stands behind the first scan.
  return plain && (channels === 1 || channels === 3) ? { width, height, channels } : undefined;
}

/** Whether EXIF says that a picture is to be shown as it is stored, or nothing about it. */
function isUpright(tiff: Buffer): boolean {
  const order = tiff.toString('latin1', 0, 2);
  if ((order !== 'II' && order !== 'MM') || tiff.length < 8) return false;
  const little = order === 'II';
  const short = (at: number): number => (little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const directory = little ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  if (short(2) !== 42 || directory + 2 > tiff.length) return false;
  const entries = short(directory);
  if (directory + 2 + entries * ENTRY_BYTES > tiff.length) return false;
  for (let index = 0; index < entries; index++) {
    const entry = directory + 2 + index * ENTRY_BYTES;
    if (short(entry) !== ORIENTATION_TAG) continue;
    return short(entry + 2) === SHORT_TYPE && short(entry + 8) === 1;
  }
  return true;
}
