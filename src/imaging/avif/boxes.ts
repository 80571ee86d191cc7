/** A box of the container that AVIF and MP4 share. */
export interface Box {
  readonly type: string;
  readonly content: Buffer;
}

const HEADER_BYTES = 8;
/** Boxes side by side; a still picture has some twenty. */
const MAX_BOXES = 1024;

/** The boxes of a file or of a box's content; ends early at what is not one. */
export function* boxesOf(bytes: Buffer): Generator<Box> {
  let at = 0;
  for (let count = 0; count < MAX_BOXES && at + HEADER_BYTES <= bytes.length; count++) {
    const type = bytes.toString('latin1', at + 4, at + 8);
    let size = bytes.readUInt32BE(at);
    let start = at + HEADER_BYTES;
    if (size === 1) {
      if (start + 8 > bytes.length) return;
      size = Number(bytes.readBigUInt64BE(start));
      start += 8;
    } else if (size === 0) {
      size = bytes.length - at;
    }
    if (size < start - at) return;
    yield { type, content: bytes.subarray(start, at + size) };
    at += size;
  }
}

/** Content of the first box of a type. */
export function boxContent(bytes: Buffer, type: string): Buffer | undefined {
  for (const box of boxesOf(bytes)) if (box.type === type) return box.content;
  return undefined;
}

/** A box's content that begins with a version and flags. */
export interface FullBox {
  readonly version: number;
  readonly flags: number;
  readonly fields: FieldReader;
}

export function fullBox(content: Buffer | undefined): FullBox | undefined {
  if (content === undefined || content.length < 4) return undefined;
  const fields = new FieldReader(content);
  const version = fields.number(1);
  return { version, flags: fields.number(3), fields };
}

/** Reads big-endian numbers one after the other; behind the end everything is 0. */
class FieldReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  hasEnded(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** @param bytes 0 to 8 */
  number(bytes: number): number {
    let value = 0;
    for (let i = 0; i < bytes; i++) value = value * 256 + (this.#bytes[this.#at++] ?? 0);
    return value;
  }

  text(bytes: number): string {
    this.#at += bytes;
    return this.#bytes.toString('latin1', this.#at - bytes, this.#at);
  }
}
