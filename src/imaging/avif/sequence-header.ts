const SEQUENCE_HEADER = 1;
/** Parts of the data in front of the header at most; it comes first or second. */
const MAX_PARTS = 16;

/** What AV1 data say of their colours. */
export interface Av1Colours {
  readonly monochrome: boolean;
  /** Whether black is 0 and white the highest value, rather than 16 and 235 of 255. */
  readonly fullRange: boolean;
}

/**
 * Reads the sequence header of AV1 data (AV1 bitstream specification, 5.3 to 5.5).
 * @returns undefined where there is none
 */
export function av1Colours(data: Buffer): Av1Colours | undefined {
  let at = 0;
  for (let part = 0; part < MAX_PARTS && at < data.length; part++) {
    const head = data[at++] ?? 0;
    if ((head & 0x04) !== 0) at += 1;
    let size = data.length - at;
    if ((head & 0x02) !== 0) {
      size = 0;
      for (let i = 0; i < 8; i++) {
        const byte = data[at++] ?? 0;
        size += (byte & 0x7f) * 2 ** (7 * i);
        if ((byte & 0x80) === 0) break;
      }
    }
    if (((head >> 3) & 15) === SEQUENCE_HEADER) {
      return sequenceHeader(new BitReader(data.subarray(at, at + size)));
    }
    at += size;
  }
  return undefined;
}

function sequenceHeader(bits: BitReader): Av1Colours {
  const profile = bits.number(3);
  bits.number(1);
  const reduced = bits.flag();
  if (reduced) bits.number(5);
  else operatingPoints(bits);
  const widthBits = bits.number(4) + 1;
  const heightBits = bits.number(4) + 1;
  bits.number(widthBits);
  bits.number(heightBits);
  if (!reduced && bits.flag()) bits.number(4 + 3);
  // Super blocks, intra filter, edge filter.
  bits.number(3);
  if (!reduced) tools(bits);
  // Super-resolution, CDEF, restoration.
  bits.number(3);
  return colourConfiguration(bits, profile);
}

function operatingPoints(bits: BitReader): void {
  let delayBits = 0;
  let decoderModel = false;
  if (bits.flag()) {
    bits.number(32);
    bits.number(32);
    if (bits.flag()) bits.skipUvlc();
    decoderModel = bits.flag();
    if (decoderModel) {
      delayBits = bits.number(5) + 1;
      bits.number(32);
      bits.number(5 + 5);
    }
  }
  const displayDelay = bits.flag();
  const points = bits.number(5) + 1;
  for (let point = 0; point < points; point++) {
    bits.number(12);
    if (bits.number(5) > 7) bits.number(1);
    if (decoderModel && bits.flag()) {
      bits.number(delayBits);
      bits.number(delayBits);
      bits.number(1);
    }
    if (displayDelay && bits.flag()) bits.number(4);
  }
}

/** What films use and still pictures do not. */
function tools(bits: BitReader): void {
  // Inter-intra, masked compound, warped motion, dual filter.
  bits.number(4);
  const orderHint = bits.flag();
  if (orderHint) bits.number(2);
  // A tool that may be chosen for each picture, or is for all.
  const screenContent = bits.flag() ? 2 : bits.number(1);
  if (screenContent > 0 && !bits.flag()) bits.number(1);
  if (orderHint) bits.number(3);
}

function colourConfiguration(bits: BitReader, profile: number): Av1Colours {
  const high = bits.flag();
  if (profile === 2 && high) bits.number(1);
  const monochrome = profile === 1 ? false : bits.flag();
  let description = [2, 2, 2];
  if (bits.flag()) description = [bits.number(8), bits.number(8), bits.number(8)];
  // BT.709 primaries, the sRGB curve and no matrix are sRGB itself, which is of full range.
  const isSrgb = !monochrome && description.join() === '1,13,0';
  return { monochrome, fullRange: isSrgb || bits.flag() };
}

/** Highest bit first; behind the end all bits are 0. */
class BitReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  flag(): boolean {
    return this.number(1) === 1;
  }

  /** @param bits 0 to 32 */
  number(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++, this.#at++) {
      const byte = this.#bytes[this.#at >> 3] ?? 0;
      value = value * 2 + ((byte >> (7 - (this.#at & 7))) & 1);
    }
    return value;
  }

  /** A number written with as many zeros in front as it has bits behind its first. */
  skipUvlc(): void {
    let zeros = 0;
    while (zeros < 32 && !this.flag()) zeros += 1;
    if (zeros < 32) this.number(zeros);
  }
}
