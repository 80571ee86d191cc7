/** Wire bytes of tensorflow.Feature, by the name of the feature. */
export type EncodedFeatures = ReadonlyMap<string, Uint8Array>;

/** Field numbers of tensorflow/core/example/feature.proto. */
const FEATURE_FIELD = { bytes: 1, float: 2, int64: 3 } as const;
export type FeatureKind = keyof typeof FEATURE_FIELD;
const WIRE_LENGTH = 2;
const LONGEST_VARINT = 10;

/** Bytes that are written one after the other. */
export class WireBytes {
  #buffer = Buffer.allocUnsafe(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.byteLength);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.byteLength;
  }

  float(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeFloatLE(value, this.#length);
  }

  /** @param value a whole number; negative ones take ten bytes */
  varint(value: number | bigint): void {
    this.#reserve(LONGEST_VARINT);
    if (typeof value === 'number' && value >= 0) {
      let rest = value;
      while (rest >= 0x80) {
        this.#buffer[this.#length++] = (rest % 0x80) | 0x80;
        rest = Math.floor(rest / 0x80);
      }
      this.#buffer[this.#length++] = rest;
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 0x80n) {
      this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#length++] = Number(rest);
  }

  /** Tag and length of a field of the length-delimited wire type. */
  head(field: number, length: number): void {
    this.varint((field << 3) | WIRE_LENGTH);
    this.varint(length);
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/**
 * tensorflow.Feature around its values.
 * @param kind undefined for a feature without values: to parse_example it is missing
 * @param values of bytes: a length-delimited field 1 for each; of numbers: packed
 */
export function encodeFeature(kind: FeatureKind | undefined, values: WireBytes): Uint8Array {
  if (kind === undefined) return new Uint8Array();
  const list = new WireBytes();
  if (kind !== 'bytes') list.head(1, values.length);
  const out = new WireBytes();
  out.head(FEATURE_FIELD[kind], list.length + values.length);
  out.bytes(list.finish());
  out.bytes(values.finish());
  return out.finish();
}

/**
 * Appends a serialised tensorflow.Example: the message that parse_example reads, as
 * tensorflow/core/example/{example,feature}.proto define it.
 */
export function appendExample(out: WireBytes, features: EncodedFeatures): void {
  const entries = new WireBytes();
  for (const [name, feature] of features) {
    const key = Buffer.from(name, 'utf8');
    const entry = new WireBytes();
    entry.head(1, key.length);
    entry.bytes(key);
    entry.head(2, feature.length);
    entries.head(1, entry.length + feature.length);
    entries.bytes(entry.finish());
    entries.bytes(feature);
  }
  out.head(1, entries.length);
  out.bytes(entries.finish());
}
