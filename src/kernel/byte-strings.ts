/**
 * The elements of a tensor of strings, in one piece of memory: an object for each would take a
 * hundred bytes for an empty string. Plain data, safe to post to another thread or process.
 */
export interface ByteStrings {
  /** Number of strings. */
  readonly length: number;
  readonly bytes: Uint8Array;
  /** Where each string begins and ends in `bytes`: two entries per string. */
  readonly bounds: Uint32Array;
}

/** Strings whose memory holds nothing else and can be moved. */
export interface OwnedStrings extends ByteStrings {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly bounds: Uint32Array<ArrayBuffer>;
}

export function byteStringsOver(bytes: Uint8Array, bounds: Uint32Array): ByteStrings {
  return { length: bounds.length / 2, bytes, bounds };
}

/** Copies the strings of a list into one piece of memory. */
export function joinByteStrings(list: Iterable<Uint8Array>): OwnedStrings {
  const strings = [...list];
  const bounds = new Uint32Array(2 * strings.length);
  const bytes = new Uint8Array(strings.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const [index, string] of strings.entries()) {
    bytes.set(string, at);
    bounds[2 * index] = at;
    at += string.byteLength;
    bounds[2 * index + 1] = at;
  }
  return { length: strings.length, bytes, bounds };
}

/** One string as a view; empty beyond the last. */
export function byteStringAt({ bytes, bounds }: ByteStrings, index: number): Uint8Array {
  return bytes.subarray(bounds[2 * index] ?? 0, bounds[2 * index + 1] ?? 0);
}

export function* eachByteString(strings: ByteStrings): Generator<Uint8Array> {
  for (let index = 0; index < strings.length; index++) yield byteStringAt(strings, index);
}

/** The strings from `from` up to `to`, as views of the same memory. */
export function sliceByteStrings(
  { bytes, bounds }: ByteStrings,
  from: number,
  to: number,
): ByteStrings {
  return byteStringsOver(bytes, bounds.subarray(2 * from, 2 * to));
}

/**
 * The strings of several tensors, one after the other, in memory that holds nothing else: what is
 * posted elsewhere takes all the memory along that it is a view of.
 */
export function concatByteStrings(parts: readonly ByteStrings[]): OwnedStrings {
  const count = parts.reduce((sum, { length }) => sum + length, 0);
  const total = parts.reduce((sum, part) => sum + stringBytes(part), 0);
  const bytes = new Uint8Array(total);
  const bounds = new Uint32Array(2 * count);
  let at = 0;
  let index = 0;
  for (const part of parts) {
    for (let i = 0; i < part.bounds.length; i += 2) {
      const start = part.bounds[i] ?? 0;
      const end = part.bounds[i + 1] ?? 0;
      // A view for each string would cost more than copying the few bytes most of them have.
      if (end - start < FEW_BYTES) {
        for (let from = start, to = at; from < end; from++) bytes[to++] = part.bytes[from] ?? 0;
      } else {
        bytes.set(part.bytes.subarray(start, end), at);
      }
      bounds[index++] = at;
      at += end - start;
      bounds[index++] = at;
    }
  }
  return { length: count, bytes, bounds };
}

const FEW_BYTES = 64;

/** Bytes of all strings together. */
export function stringBytes({ bounds }: ByteStrings): number {
  let total = 0;
  for (let i = 0; i < bounds.length; i += 2) total += (bounds[i + 1] ?? 0) - (bounds[i] ?? 0);
  return total;
}
