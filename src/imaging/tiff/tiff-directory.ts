import { undecodable } from '../image-errors';

/** Bytes of a value by its type: BYTE is 1, ASCII 2, SHORT 3, LONG 4 … LONG8 16, SLONG8 17, IFD8 18. */
const TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];
const BYTE_TYPES = [1, 6, 7];
const SHORT_TYPES = [3, 8];
const LONG_TYPES = [4, 9, 13];
const LONG8_TYPES = [16, 17, 18];

/** libtiff takes a longer directory for damage too. */
const MAX_ENTRIES = 4096;

interface Entry {
  readonly type: number;
  readonly count: number;
  /** Where its first value stands. */
  readonly start: number;
}

/** The first directory of a TIFF or BigTIFF of either byte order: facts about its first picture. */
export class TiffDirectory {
  readonly #bytes: TiffBytes;
  readonly #entries: ReadonlyMap<number, Entry>;

  /** @throws ServingError UNDECODABLE_IMAGE */
  constructor(file: Buffer) {
    this.#bytes = new TiffBytes(file);
    this.#entries = this.#bytes.firstDirectory();
  }

  has(tag: number): boolean {
    return this.#entries.has(tag);
  }

  /** Number of values; 0 without the tag. */
  count(tag: number): number {
    return this.#entries.get(tag)?.count ?? 0;
  }

  /**
   * A whole number, not negative.
   * @param index of the value, for tags that have many
   * @returns undefined without the tag, or beyond its last value
   * @throws ServingError UNDECODABLE_IMAGE where it is not a whole number, or not in the file
   */
  number(tag: number, index = 0): number | undefined {
    const entry = this.#entries.get(tag);
    if (entry === undefined || index >= entry.count) return undefined;
    const value = this.#bytes.number(entry.type, entry.start, index);
    if (value === undefined) throw damaged(`its tag ${tag} cannot be read`);
    return value;
  }

  /** All values of a tag that has few; those beyond `most` are left out. */
  numbers(tag: number, most = 64): number[] {
    const count = Math.min(this.count(tag), most);
    return Array.from({ length: count }, (_, index) => this.number(tag, index) ?? 0);
  }
}

/** Reads numbers in the file's byte order, classic or BigTIFF. */
class TiffBytes {
  readonly #file: Buffer;
  readonly #little: boolean;
  readonly #big: boolean;

  constructor(file: Buffer) {
    this.#file = file;
    this.#little = file[0] === 0x49;
    this.#big = this.#number(3, 2) === 43;
  }

  firstDirectory(): Map<number, Entry> {
    const big = this.#big;
    const at = this.#require(big ? 16 : 4, big ? 8 : 4);
    const count = this.#require(big ? 16 : 3, at);
    const first = at + (big ? 8 : 2);
    const entryBytes = big ? 20 : 12;
    if (count === 0) throw damaged('its directory is empty');
    if (count > MAX_ENTRIES) throw damaged(`its directory has ${count} entries`);
    if (first + count * entryBytes > this.#file.length) throw damaged('its directory is cut off');
    const entries = new Map<number, Entry>();
    for (let index = 0; index < count; index++) {
      const entry = first + index * entryBytes;
      const tag = this.#require(3, entry);
      // As in libtiff the first of two counts.
      if (!entries.has(tag)) entries.set(tag, this.#entry(entry));
    }
    return entries;
  }

  #entry(at: number): Entry {
    const big = this.#big;
    const type = this.#require(3, at + 2);
    const count = this.#require(big ? 16 : 4, at + 4);
    const values = at + (big ? 12 : 8);
    const bytes = count * (TYPE_BYTES[type] ?? 0);
    const start = bytes <= (big ? 8 : 4) ? values : this.#require(big ? 16 : 4, values);
    return { type, count, start };
  }

  number(type: number, start: number, index: number): number | undefined {
    return this.#number(type, start + index * (TYPE_BYTES[type] ?? 0));
  }

  #require(type: number, at: number): number {
    const value = this.#number(type, at);
    if (value === undefined) throw damaged('its directory is cut off');
    return value;
  }

  /** Of a whole number's type and within the file, else undefined. */
  #number(type: number, at: number): number | undefined {
    const file = this.#file;
    const bytes = TYPE_BYTES[type] ?? 0;
    if (bytes === 0 || at + bytes > file.length) return undefined;
    if (BYTE_TYPES.includes(type)) return file[at];
    const little = this.#little;
    if (SHORT_TYPES.includes(type)) return little ? file.readUInt16LE(at) : file.readUInt16BE(at);
    if (LONG_TYPES.includes(type)) return little ? file.readUInt32LE(at) : file.readUInt32BE(at);
    if (!LONG8_TYPES.includes(type)) return undefined;
    return Number(little ? file.readBigUInt64LE(at) : file.readBigUInt64BE(at));
  }
}

function damaged(why: string): Error {
  return undecodable('tiff', why);
}
