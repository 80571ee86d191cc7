import { undecodable, unsupportedKind } from '../image-errors';
import { channelMask, type ChannelMask } from './channel-mask';

/** How pixels are stored. */
type BmpStorage = 'palette' | 'rle4' | 'rle8' | 'bgr' | 'masks';

export interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly bitsPerPixel: number;
  readonly storage: BmpStorage;
  /** Whether the first row stored is the lowest of the picture, as it mostly is. */
  readonly bottomUp: boolean;
  /** Where the pixels begin. */
  readonly pixelsAt: number;
  /** Red, green and blue by index; empty where there is no palette. */
  readonly palette: Uint8Array;
  /** Of red, green, blue and, where it has one, alpha; for the storage `masks` only. */
  readonly masks: readonly ChannelMask[];
}

const FILE_HEADER_BYTES = 14;
/** Of OS/2 1.x: sizes in 16 bits, palette entries of 3 bytes. */
const CORE_HEADER_BYTES = 12;
const INFO_HEADER_BYTES = 40;
/** Of OS/2 2.x, cut short and whole. Its numbers for compressions are others. */
const OS2_HEADER_BYTES = [16, 64];
const HEADER_BYTES = [CORE_HEADER_BYTES, 16, INFO_HEADER_BYTES, 52, 56, 64, 108, 124];

const COMPRESSION = { rgb: 0, rle8: 1, rle4: 2, bitFields: 3, alphaBitFields: 6 } as const;
const COMPRESSION_NAMES: ReadonlyMap<number, string> = new Map([
  [4, 'JPEG'],
  [5, 'PNG'],
  [11, 'CMYK'],
  [12, 'CMYK with RLE8'],
  [13, 'CMYK with RLE4'],
]);
const BITS: Readonly<Record<BmpStorage, readonly number[]>> = {
  palette: [1, 2, 4, 8],
  rle4: [4],
  rle8: [8],
  bgr: [24],
  masks: [16, 32],
};

/** Masks of pixels that have none of their own, by their bits: 5 bits a colour, or 8. */
const DEFAULT_MASKS: ReadonlyMap<number, readonly number[]> = new Map([
  [16, [0x7c00, 0x03e0, 0x001f]],
  [32, [0xff0000, 0x00ff00, 0x0000ff]],
]);

/**
 * Reads what stands before the pixels of a BMP of Windows or OS/2, and checks that all of them are
 * there; of compressed ones only the decoder can tell.
 * @throws ServingError UNDECODABLE_IMAGE, UNSUPPORTED_IMAGE_FORMAT
 */
export function readBmpHeader(file: Buffer): BmpHeader {
  if (file.length < FILE_HEADER_BYTES + CORE_HEADER_BYTES) throw damaged('its header is cut off');
  const headerBytes = file.readUInt32LE(FILE_HEADER_BYTES);
  if (!HEADER_BYTES.includes(headerBytes)) {
    throw damaged(`its header has ${headerBytes} bytes, which no kind of BMP has`);
  }
  if (file.length < FILE_HEADER_BYTES + headerBytes) throw damaged('its header is cut off');
  const size = sizeOf(file, headerBytes);
  const compression = headerBytes > 12 && headerBytes !== 16 ? file.readUInt32LE(30) : 0;
  const storage = storageOf(compression, size.bitsPerPixel, headerBytes);
  const masks = maskCount(compression, headerBytes);
  // In the oldest header that may have masks they come behind it.
  const masksBehind = headerBytes === INFO_HEADER_BYTES ? 4 * masks : 0;
  const headersEnd = FILE_HEADER_BYTES + headerBytes + masksBehind;
  if (file.length < headersEnd) throw damaged('its header is cut off');
  const header: BmpHeader = {
    ...size,
    storage,
    ...paletteAndPixels(file, headerBytes, headersEnd, size.bitsPerPixel),
    masks: storage === 'masks' ? masksOf(file, size.bitsPerPixel, masks) : [],
  };
  requirePixels(file, header);
  return header;
}

/** Bytes of a row of pixels that are not compressed: rows begin at multiples of four. */
export function rowBytes({ width, bitsPerPixel }: BmpHeader): number {
  return Math.ceil((width * bitsPerPixel) / 32) * 4;
}

function sizeOf(
  file: Buffer,
  headerBytes: number,
): Pick<BmpHeader, 'width' | 'height' | 'bottomUp' | 'bitsPerPixel'> {
  const core = headerBytes === CORE_HEADER_BYTES;
  const width = core ? file.readUInt16LE(18) : file.readInt32LE(18);
  const height = core ? file.readUInt16LE(20) : file.readInt32LE(22);
  if (width <= 0 || height === 0) throw damaged(`its header says ${width}×${height} pixels`);
  const bitsPerPixel = file.readUInt16LE(core ? 24 : 28);
  return { width, height: Math.abs(height), bottomUp: height > 0, bitsPerPixel };
}

function storageOf(compression: number, bits: number, headerBytes: number): BmpStorage {
  const storage = storageByCompression(compression, bits, headerBytes);
  if (storage === undefined) {
    const name = COMPRESSION_NAMES.get(compression) ?? `number ${compression}`;
    throw unsupportedKind('bmp', `has the compression ${name}, which is not read`);
  }
  if (!BITS[storage].includes(bits)) {
    throw unsupportedKind('bmp', `has ${bits} bits per pixel, which are not read`);
  }
  return storage;
}

function storageByCompression(
  compression: number,
  bits: number,
  headerBytes: number,
): BmpStorage | undefined {
  switch (compression) {
    case COMPRESSION.rgb:
      if (bits <= 8) return 'palette';
      return bits === 24 ? 'bgr' : 'masks';
    case COMPRESSION.rle8:
      return 'rle8';
    case COMPRESSION.rle4:
      return 'rle4';
    case COMPRESSION.bitFields:
    case COMPRESSION.alphaBitFields:
      return OS2_HEADER_BYTES.includes(headerBytes) ? undefined : 'masks';
    default:
      return undefined;
  }
}

/** Masks that the file has of its own, where a header of so many bytes holds or announces them. */
function maskCount(compression: number, headerBytes: number): number {
  const announced =
    compression === COMPRESSION.bitFields || compression === COMPRESSION.alphaBitFields;
  if (!announced) return 0;
  if (headerBytes === INFO_HEADER_BYTES) return compression === COMPRESSION.alphaBitFields ? 4 : 3;
  return headerBytes >= 56 ? 4 : 3;
}

/** @param count of the file's own masks */
function masksOf(file: Buffer, bits: number, count: number): ChannelMask[] {
  const at = FILE_HEADER_BYTES + INFO_HEADER_BYTES;
  const own = Array.from({ length: count }, (_, index) => file.readUInt32LE(at + 4 * index));
  const [red = 0, green = 0, blue = 0, alpha = 0] =
    count > 0 ? own : (DEFAULT_MASKS.get(bits) ?? []);
  if ((red | green | blue) === 0) throw damaged('its colour masks are 0');
  return [red, green, blue, ...(alpha === 0 ? [] : [alpha])].map((mask) => {
    const channel = channelMask(mask, bits);
    if (channel === undefined) throw damaged(`its colour mask ${mask.toString(16)} is not one`);
    return channel;
  });
}

function paletteAndPixels(
  file: Buffer,
  headerBytes: number,
  headersEnd: number,
  bitsPerPixel: number,
): Pick<BmpHeader, 'palette' | 'pixelsAt'> {
  const core = headerBytes === CORE_HEADER_BYTES;
  const entryBytes = core ? 3 : 4;
  const said = file.readUInt32LE(10);
  const indices = bitsPerPixel <= 8 ? 2 ** bitsPerPixel : 0;
  const used = headerBytes >= INFO_HEADER_BYTES ? file.readUInt32LE(46) : 0;
  const room = (said === 0 ? file.length : said) - headersEnd;
  // More colours than indices are allowed, and not of use; a palette cannot reach into the pixels.
  const entries = Math.max(0, Math.min(used || indices, indices, Math.floor(room / entryBytes)));
  const paletteEnd = headersEnd + entries * entryBytes;
  const pixelsAt = said === 0 ? paletteEnd : said;
  if (paletteEnd > file.length) throw damaged('its palette is cut off');
  if (pixelsAt < headersEnd) throw damaged('its pixels begin inside its header');
  const palette = new Uint8Array(entries * 3);
  for (let index = 0; index < entries; index++) {
    const at = headersEnd + index * entryBytes;
    palette[index * 3] = file[at + 2] ?? 0;
    palette[index * 3 + 1] = file[at + 1] ?? 0;
    palette[index * 3 + 2] = file[at] ?? 0;
  }
  return { palette, pixelsAt };
}

function requirePixels(file: Buffer, header: BmpHeader): void {
  const { storage, pixelsAt, height, width, bitsPerPixel } = header;
  const compressed = storage === 'rle4' || storage === 'rle8';
  // Some writers leave out what fills up the last row.
  const last = Math.ceil((width * bitsPerPixel) / 8);
  const needed = compressed ? 1 : rowBytes(header) * (height - 1) + last;
  if (compressed && !header.bottomUp) throw damaged('it is compressed from the top to the bottom');
  if (pixelsAt + needed <= file.length) return;
  throw damaged(
    `it is cut off, its pixels end at byte ${pixelsAt + needed} and the file at ${file.length}`,
  );
}

function damaged(why: string): Error {
  return undecodable('bmp', why);
}
