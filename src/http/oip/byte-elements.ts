import { ServingError } from '../../kernel/errors';

/** Each element of a tensor of bytes costs an object: more are refused. */
const MAX_BYTE_ELEMENTS = 1_000_000;
const LENGTH_BYTES = 4;
const EMPTY = new Uint8Array();

/**
 * Elements of a BYTES tensor: a little-endian uint32 with the length, then the bytes.
 * @param name of the input, for messages
 * @param copy false: the elements are views of `bytes`. True: each has a buffer of its own, because
 *   a view that is posted to a worker takes all of its buffer along
 * @throws ServingError INVALID_INPUT when lengths and bytes do not come out even
 */
export function readByteElements(name: string, bytes: Uint8Array, copy: boolean): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    if (bytes.byteLength - at < LENGTH_BYTES) throw uneven(name, elements.length);
    const length = view.getUint32(at, true);
    at += LENGTH_BYTES;
    if (length > bytes.byteLength - at) throw uneven(name, elements.length);
    if (elements.length === MAX_BYTE_ELEMENTS) {
      throw new ServingError(
        'PAYLOAD_TOO_LARGE',
        `input "${name}" has more than ${MAX_BYTE_ELEMENTS} elements of BYTES`,
      );
    }
    const element = length === 0 ? EMPTY : bytes.subarray(at, at + length);
    // Not slice(): a Buffer's is a view.
    elements.push(copy && length > 0 ? new Uint8Array(element) : element);
    at += length;
  }
  return elements;
}

export function writeByteElements(elements: readonly Uint8Array[]): Buffer {
  const size = elements.reduce((sum, { byteLength }) => sum + LENGTH_BYTES + byteLength, 0);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const element of elements) {
    at = bytes.writeUInt32LE(element.byteLength, at);
    bytes.set(element, at);
    at += element.byteLength;
  }
  return bytes;
}

function uneven(name: string, index: number): ServingError {
  return new ServingError(
    'INVALID_INPUT',
    `input "${name}" of BYTES ends within its element ${index}: each is a little-endian uint32 length and as many bytes`,
  );
}
