/** A value of a tag: a number, several of them, or bytes of no type. */
export type TiffValue = number | readonly number[] | Uint8Array;

export interface TiffParts {
  /** By the number of the tag; those of the data's places are added. */
  readonly tags: Readonly<Record<number, TiffValue>>;
  /** Strips or tiles as they are stored. */
  readonly chunks: readonly Uint8Array[];
  /** @default false */
  readonly tiled?: boolean;
  /** @default false */
  readonly bigEndian?: boolean;
  /** BigTIFF, with places of 64 bits. @default false */
  readonly big?: boolean;
}

const UNDEFINED = 7;
const LONG = 4;
const SHORT = 3;
const OFFSETS = { tiled: 324, strips: 273 };
const BYTE_COUNTS = { tiled: 325, strips: 279 };

/** A TIFF as the given parts make it, whether they fit together or not. */
export function tiffFile({
  tags,
  chunks,
  tiled = false,
  bigEndian = false,
  big = false,
}: TiffParts): Buffer {
  const kind = tiled ? 'tiled' : 'strips';
  const headerBytes = big ? 16 : 8;
  const starts: number[] = [];
  let end = headerBytes;
  for (const chunk of chunks) {
    starts.push(end);
    end += chunk.length + (chunk.length % 2);
  }
  const lengths = chunks.map((chunk) => chunk.length);
  const all = { ...tags, [OFFSETS[kind]]: starts, [BYTE_COUNTS[kind]]: lengths };
  const writer = new Writer(bigEndian, big);
  const head = Buffer.concat([
    Buffer.from(bigEndian ? 'MM' : 'II', 'latin1'),
    writer.short(big ? 43 : 42),
    ...(big ? [writer.short(8), writer.short(0)] : []),
    writer.place(end),
  ]);
  const data = chunks.flatMap((chunk) => [chunk, Buffer.alloc(chunk.length % 2)]);
  return Buffer.concat([head, ...data, directory(all, end, writer)]);
}

/** @param at where it will stand */
function directory(tags: Readonly<Record<string, TiffValue>>, at: number, writer: Writer): Buffer {
  const numbers = Object.keys(tags).map(Number);
  const inline = writer.big ? 8 : 4;
  const entryBytes = writer.big ? 20 : 12;
  let valuesAt = at + (writer.big ? 8 : 2) + numbers.length * entryBytes + inline;
  const entries: Buffer[] = [];
  const values: Buffer[] = [];
  for (const tag of numbers.sort((a, b) => a - b)) {
    const value = tags[tag] ?? 0;
    const list = typeof value === 'number' ? [value] : Array.from(value);
    const type = value instanceof Uint8Array ? UNDEFINED : tagType(tag, list);
    const bytes = writer.values(type, list);
    const isShort = bytes.length <= inline;
    entries.push(
      Buffer.concat([
        writer.short(tag),
        writer.short(type),
        writer.place(list.length),
        isShort
          ? Buffer.concat([bytes, Buffer.alloc(inline - bytes.length)])
          : writer.place(valuesAt),
      ]),
    );
    if (isShort) continue;
    const padded = Buffer.concat([bytes, Buffer.alloc(bytes.length % 2)]);
    values.push(padded);
    valuesAt += padded.length;
  }
  return Buffer.concat([writer.count(numbers.length), ...entries, writer.place(0), ...values]);
}

function tagType(tag: number, list: readonly number[]): number {
  const isPlace = [...Object.values(OFFSETS), ...Object.values(BYTE_COUNTS)].includes(tag);
  return isPlace || list.some((number) => number > 65_535) ? LONG : SHORT;
}

class Writer {
  readonly #bigEndian: boolean;
  readonly big: boolean;

  constructor(bigEndian: boolean, big: boolean) {
    this.#bigEndian = bigEndian;
    this.big = big;
  }

  short(value: number): Buffer {
    return this.#bytes(value, 2);
  }

  place(value: number): Buffer {
    return this.#bytes(value, this.big ? 8 : 4);
  }

  count(value: number): Buffer {
    return this.#bytes(value, this.big ? 8 : 2);
  }

  values(type: number, list: readonly number[]): Buffer {
    const bytes = type === UNDEFINED ? 1 : type === SHORT ? 2 : 4;
    return Buffer.concat(list.map((value) => this.#bytes(value, bytes)));
  }

  #bytes(value: number, bytes: number): Buffer {
    const buffer = Buffer.alloc(bytes);
    for (let i = 0; i < bytes; i++) {
      const at = this.#bigEndian ? bytes - 1 - i : i;
      buffer[at] = Math.floor(value / 2 ** (8 * i)) % 256;
    }
    return buffer;
  }
}
