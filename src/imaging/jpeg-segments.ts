/** A part of a JPEG before its compressed data. */
export interface JpegSegment {
  /** Second byte of its marker. */
  readonly marker: number;
  /** Where its content begins and ends; it may end behind the file when that is cut off. */
  readonly start: number;
  readonly end: number;
}

/** Start of scan: its compressed data follow. */
export const SOS = 0xda;

/** Cameras write some ten segments, and a profile of 16 MB takes 256: more were made to hurt. */
const MAX_STEPS = 16_384;

/**
 * Walks the segments up to the first scan, which is the last given, without decoding anything. Ends
 * early in a file that has too many of them or is not a JPEG.
 */
export function* jpegSegments(file: Buffer): Generator<JpegSegment> {
  let at = 2;
  for (let step = 0; step < MAX_STEPS && at + 4 <= file.length; step++) {
    const marker = file[at + 1] ?? 0;
    if (file[at] !== 0xff || marker === 0xff) {
      at += 1;
    } else if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd9)) {
      at += 2;
    } else {
      const end = at + 2 + file.readUInt16BE(at + 2);
      yield { marker, start: at + 4, end };
      if (marker === SOS) return;
      at = end;
    }
  }
}
