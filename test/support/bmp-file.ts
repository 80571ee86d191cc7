/** What a BMP of the tests is made of; the defaults are those of Windows. */
export interface BmpParts {
  readonly width: number;
  /** Negative where the rows are stored from the top to the bottom. */
  readonly height: number;
  readonly bits: number;
  /** Everything behind the palette. */
  readonly pixels: Uint8Array;
  /** @default 40 */
  readonly headerBytes?: number;
  /** @default 0, not compressed */
  readonly compression?: number;
  /** Colours as red, green and blue. @default none */
  readonly palette?: readonly (readonly number[])[];
  /** @default none */
  readonly masks?: readonly number[];
  /** Bytes between palette and pixels. @default 0 */
  readonly gap?: number;
}

const FILE_HEADER_BYTES = 14;
const OS2_HEADER_BYTES = 12;

/** A BMP as the given parts make it, whether they fit together or not. */
export function bmpFile({
  width,
  height,
  bits,
  pixels,
  headerBytes = 40,
  compression = 0,
  palette = [],
  masks = [],
  gap = 0,
}: BmpParts): Buffer {
  const os2 = headerBytes === OS2_HEADER_BYTES;
  const header = Buffer.alloc(FILE_HEADER_BYTES + Math.max(headerBytes, 40 + 4 * masks.length));
  header.write('BM', 'latin1');
  header.writeUInt32LE(headerBytes, 14);
  if (os2) {
    header.writeUInt16LE(width, 18);
    header.writeUInt16LE(height, 20);
    header.writeUInt16LE(1, 22);
    header.writeUInt16LE(bits, 24);
  } else {
    header.writeInt32LE(width, 18);
    header.writeInt32LE(height, 22);
    header.writeUInt16LE(1, 26);
    header.writeUInt16LE(bits, 28);
    header.writeUInt32LE(compression, 30);
    header.writeUInt32LE(palette.length, 46);
    masks.forEach((mask, index) => header.writeUInt32LE(mask, 54 + 4 * index));
  }
  const head = os2 ? header.subarray(0, FILE_HEADER_BYTES + OS2_HEADER_BYTES) : header;
  const entries = Buffer.from(
    palette.flatMap(([r = 0, g = 0, b = 0]) => (os2 ? [b, g, r] : [b, g, r, 0])),
  );
  head.writeUInt32LE(head.length + entries.length + gap, 10);
  return Buffer.concat([head, entries, Buffer.alloc(gap), pixels]);
}

/** Rows of pixels as a BMP stores them: the lowest first, each filled up to a multiple of 4 bytes. */
export function bmpRows(rows: readonly (readonly number[])[], lowestFirst = true): Buffer {
  const padded = rows.map((row) =>
    Buffer.concat([Buffer.from(row), Buffer.alloc((4 - (row.length % 4)) % 4)]),
  );
  return Buffer.concat(lowestFirst ? padded.reverse() : padded);
}

/** A BMP of 24 bits. @param rgb interleaved */
export function bmpOf(rgb: Uint8Array, width: number, height: number): Buffer {
  const rows = Array.from({ length: height }, (_, y) =>
    Array.from({ length: width * 3 }, (_byte, i) => {
      const at = y * width * 3 + i;
      return rgb[at + 2 - 2 * (i % 3)] ?? 0;
    }),
  );
  return bmpFile({ width, height, bits: 24, pixels: bmpRows(rows) });
}
