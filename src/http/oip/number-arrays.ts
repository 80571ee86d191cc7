import { ServingError } from '../../kernel/errors';
import { fromHalf, type HalfType } from '../../kernel/half-floats';
import type { Steps } from '../../kernel/time-slices';
import type { Datatype } from './datatypes';
import { elementBytes } from './datatypes';

/** Elements that are converted between two pauses. */
const STEP_ELEMENTS = 8192;

/** Elements of any numeric data type; half floats are widened, exactly. */
export type NumberArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

export type NumericDatatype = Exclude<Datatype, 'BYTES'>;

/**
 * A typed array over little-endian bytes as they came in, without a copy where they are aligned.
 * @param name of the input, for messages
 * @throws ServingError INVALID_INPUT when the bytes end within an element
 */
export function* numbersOver(
  name: string,
  datatype: NumericDatatype,
  bytes: Uint8Array,
): Steps<NumberArray> {
  const { data, elements: length } = alignedBytes(name, datatype, bytes);
  const { buffer, byteOffset: from } = data;
  switch (datatype) {
    case 'BOOL':
    case 'UINT8':
      return new Uint8Array(buffer, from, length);
    case 'INT8':
      return new Int8Array(buffer, from, length);
    case 'UINT16':
      return new Uint16Array(buffer, from, length);
    case 'INT16':
      return new Int16Array(buffer, from, length);
    case 'FP16':
      return yield* widened(new Uint16Array(buffer, from, length), 'float16');
    case 'BF16':
      return yield* widened(new Uint16Array(buffer, from, length), 'bfloat16');
    case 'UINT32':
      return new Uint32Array(buffer, from, length);
    case 'INT32':
      return new Int32Array(buffer, from, length);
    case 'FP32':
      return new Float32Array(buffer, from, length);
    case 'UINT64':
      return new BigUint64Array(buffer, from, length);
    case 'INT64':
      return new BigInt64Array(buffer, from, length);
    case 'FP64':
      return new Float64Array(buffer, from, length);
  }
}

/**
 * The bytes of a tensor as they came in, copied where they are not aligned.
 * @throws ServingError INVALID_INPUT when they end within an element
 */
export function alignedBytes(
  name: string,
  datatype: NumericDatatype,
  bytes: Uint8Array,
): { readonly data: Uint8Array<ArrayBuffer>; readonly elements: number } {
  const size = elementBytes(datatype) ?? 1;
  if (bytes.byteLength % size !== 0) {
    throw new ServingError(
      'INVALID_INPUT',
      `input "${name}" was given ${bytes.byteLength} bytes, and an element of ${datatype} has ${size}`,
    );
  }
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  // A request's body lies in no shared memory.
  return { data: aligned as Uint8Array<ArrayBuffer>, elements: bytes.byteLength / size };
}

function* widened(halves: Uint16Array, type: HalfType): Steps<Float32Array> {
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    floats[i] = fromHalf(halves[i] ?? 0, type);
    if (i % STEP_ELEMENTS === 0) yield;
  }
  return floats;
}
