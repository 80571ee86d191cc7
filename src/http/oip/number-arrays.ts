import { ServingError } from '../../kernel/errors';
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
  const size = elementBytes(datatype) ?? 1;
  if (bytes.byteLength % size !== 0) {
    throw new ServingError(
      'INVALID_INPUT',
      `input "${name}" was given ${bytes.byteLength} bytes, and an element of ${datatype} has ${size}`,
    );
  }
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  // A request's body lies in no shared memory.
  const buffer = aligned.buffer as ArrayBuffer;
  const [from, length] = [aligned.byteOffset, aligned.byteLength / size];
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
      return yield* widened(new Uint16Array(buffer, from, length), halfToFloat);
    case 'BF16':
      return yield* widened(new Uint16Array(buffer, from, length), bfloatToFloat);
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

function* widened(halves: Uint16Array, toFloat: (bits: number) => number): Steps<Float32Array> {
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    floats[i] = toFloat(halves[i] ?? 0);
    if (i % STEP_ELEMENTS === 0) yield;
  }
  return floats;
}

const WORD = new Uint32Array(1);
const FLOAT = new Float32Array(WORD.buffer);

/** bfloat16 is the upper half of a float32. */
function bfloatToFloat(bits: number): number {
  WORD[0] = bits << 16;
  return FLOAT[0] ?? NaN;
}

/** IEEE 754 binary16, whose every value is a float32. */
function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
