import { ServingError } from '../../kernel/errors';
import {
  byteStringsOver,
  eachByteString,
  sliceByteStrings,
  stringBytes,
  type ByteStrings,
} from '../../kernel/byte-strings';
import type { Steps } from '../../kernel/time-slices';
import { Uint32List } from '../tensors/uint32-list';

/** Bytes of the length in front of each element. */
export const ELEMENT_LENGTH_BYTES = 4;
/** Elements that are handled between two pauses. */
const STEP_ELEMENTS = 4096;

/**
 * Elements of a BYTES tensor: a little-endian uint32 with the length, then the bytes. They stay where
 * they are.
 * @param name of the input, for messages
 * @throws ServingError INVALID_INPUT when lengths and bytes do not come out even
 */
export function* readByteElements(name: string, bytes: Uint8Array): Steps<ByteStrings> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bounds = new Uint32List();
  let at = 0;
  while (at < bytes.byteLength) {
    if (bytes.byteLength - at < ELEMENT_LENGTH_BYTES) throw uneven(name, bounds.length / 2);
    const length = view.getUint32(at, true);
    at += ELEMENT_LENGTH_BYTES;
    if (length > bytes.byteLength - at) throw uneven(name, bounds.length / 2);
    bounds.push(at);
    at += length;
    bounds.push(at);
    if (bounds.length % (2 * STEP_ELEMENTS) === 0) yield;
  }
  return byteStringsOver(bytes, bounds.finish());
}

/** The elements as they are on the wire, in pieces of some size. */
export function* byteElementPieces(elements: ByteStrings): Generator<Uint8Array, void, undefined> {
  for (let from = 0; from < elements.length; from += STEP_ELEMENTS) {
    const some = sliceByteStrings(elements, from, Math.min(elements.length, from + STEP_ELEMENTS));
    const bytes = Buffer.allocUnsafe(stringBytes(some) + ELEMENT_LENGTH_BYTES * some.length);
    let at = 0;
    for (const element of eachByteString(some)) {
      at = bytes.writeUInt32LE(element.byteLength, at);
      bytes.set(element, at);
      at += element.byteLength;
    }
    yield bytes;
  }
}

function uneven(name: string, index: number): ServingError {
  return new ServingError(
    'INVALID_INPUT',
    `input "${name}" of BYTES ends within its element ${index}: each is a little-endian uint32 length and as many bytes`,
  );
}
