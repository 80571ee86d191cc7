const SIGNATURE_BYTES = 8;
const HEADER_BYTES = 8;
const CHECKSUM_BYTES = 4;

const name = (text: string): number => Buffer.from(text, 'latin1').readUInt32BE(0);
const END = name('IEND');
/** Chunks that every decoder reads on its way to the pixels although nobody asked for them. */
const COMPRESSED = [name('zTXt'), name('iTXt'), name('iCCP')];
/** Pixels, of which there may be thousands of chunks. */
const PIXELS = [name('IDAT'), name('fdAT')];

export interface PngChunks {
  /** Whether there is the chunk that ends a PNG. */
  readonly ends: boolean;
  /** Chunks that hold no pixels. */
  readonly others: number;
  /** Bytes of chunks whose content is compressed and not pixels. */
  readonly compressedBytes: number;
}

/** Walks the chunks of a PNG without looking into them. */
export function pngChunks(file: Buffer): PngChunks {
  let others = 0;
  let compressedBytes = 0;
  let at = SIGNATURE_BYTES;
  while (at + HEADER_BYTES <= file.length) {
    const length = file.readUInt32BE(at);
    const type = file.readUInt32BE(at + 4);
    if (type === END) return { ends: true, others, compressedBytes };
    if (!PIXELS.includes(type)) others += 1;
    if (COMPRESSED.includes(type)) compressedBytes += length;
    at += HEADER_BYTES + length + CHECKSUM_BYTES;
  }
  return { ends: false, others, compressedBytes };
}
