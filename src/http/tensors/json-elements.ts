import { ServingError } from '../../kernel/errors';
import {
  elementCount,
  typedArrayOver,
  bytesPerElement,
  type DType,
  type TensorData,
} from '../../kernel/tensor';
import { decodeBase64 } from '../base64';
import { isJsonObject, preview, property } from '../json/parse-json';
import type { JsonValue } from '../json/lossless-json';

/** TensorFlow's names of the types, as its messages have them. */
export const TF_TYPE_NAMES: Readonly<Record<DType, string>> = {
  float32: 'float',
  int32: 'int32',
  int64: 'int64',
  uint8: 'uint8',
  bool: 'bool',
  string: 'string',
  complex64: 'complex64',
};

const MAX_FLOAT32 = 3.4028234663852886e38;
/** Elements of a tensor; what is larger could not be allocated. */
const MAX_ELEMENTS = 2 ** 30;
const INT_RANGES = { int32: [-(2 ** 31), 2 ** 31 - 1], uint8: [0, 255] } as const;
const INT64_LIMIT = 2n ** 63n;

/** How strings are written. */
export interface StringForm {
  /** `{"b64": "…"}` stands for bytes. */
  readonly b64Objects: boolean;
  /** Every string is base64. @default false */
  readonly base64?: boolean;
}

/** Room for the elements of a tensor that comes as JSON. */
export function allocate(dtype: DType, shape: readonly number[]): TensorData {
  const elements = elementCount(shape);
  if (elements > MAX_ELEMENTS) {
    throw new ServingError('PAYLOAD_TOO_LARGE', `A tensor of ${elements} elements is too large`);
  }
  return dtype === 'string'
    ? new Array<Uint8Array>(elements).fill(EMPTY)
    : typedArrayOver(dtype, new ArrayBuffer(elements * bytesPerElement(dtype)), 0, elements);
}

const EMPTY = new Uint8Array();

/**
 * Writes the values of a list that holds no lists into `data`, from `at` on.
 * @throws ServingError INVALID_INPUT for a value that the type does not have
 */
export function storeElements(
  values: readonly JsonValue[],
  data: TensorData,
  at: number,
  dtype: DType,
  strings: StringForm,
): void {
  if (Array.isArray(data)) {
    values.forEach((value, i) => {
      data[at + i] = bytesOfJson(value, strings);
    });
  } else if (data instanceof BigInt64Array) {
    values.forEach((value, i) => {
      data[at + i] = int64Of(value);
    });
  } else if (dtype === 'float32') {
    storeFloats(values, data as Float32Array, at);
  } else if (dtype === 'bool') {
    values.forEach((value, i) => {
      if (typeof value !== 'boolean' && value !== 0 && value !== 1) throw typeError(value, dtype);
      data[at + i] = Number(value);
    });
  } else if (dtype === 'int32' || dtype === 'uint8') {
    const [low, high] = INT_RANGES[dtype];
    values.forEach((value, i) => {
      if (!Number.isInteger(value) || (value as number) < low || (value as number) > high) {
        throw typeError(value, dtype);
      }
      data[at + i] = value as number;
    });
  } else {
    throw new ServingError('INVALID_INPUT', `JSON has no form for the type ${dtype}`);
  }
}

/** The loop that a million numbers go through. */
function storeFloats(values: readonly JsonValue[], data: Float32Array, at: number): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'number' && value >= -MAX_FLOAT32 && value <= MAX_FLOAT32) {
      data[at + i] = value;
    } else {
      data[at + i] = unusualFloat(value ?? null);
    }
  }
}

function unusualFloat(value: JsonValue): number {
  if (typeof value !== 'number' && typeof value !== 'bigint') throw typeError(value, 'float32');
  const number = Number(value);
  if (Number.isFinite(number) && Math.abs(number) > MAX_FLOAT32) {
    throw new ServingError(
      'INVALID_INPUT',
      `Cannot convert JSON value: ${preview(value)} to float without loss of precision.`,
    );
  }
  return number;
}

function int64Of(value: JsonValue): bigint {
  if (typeof value !== 'bigint' && !Number.isInteger(value)) throw typeError(value, 'int64');
  const wide = BigInt(value as number | bigint);
  if (wide < -INT64_LIMIT || wide >= INT64_LIMIT) throw typeError(value, 'int64');
  return wide;
}

/** @throws ServingError INVALID_INPUT */
export function bytesOfJson(
  value: JsonValue,
  { b64Objects, base64 = false }: StringForm,
): Uint8Array {
  if (typeof value === 'string') return base64 ? fromBase64(value) : Buffer.from(value, 'utf8');
  if (b64Objects && isBase64Object(value)) return fromBase64(value.b64);
  throw typeError(value, 'string');
}

function fromBase64(text: string): Uint8Array {
  const bytes = decodeBase64(text);
  if (bytes instanceof ServingError) {
    throw new ServingError('INVALID_INPUT', `Unable to base64 decode: ${preview(text)}`);
  }
  return bytes;
}

/** `{"b64": "…"}` and nothing else in it. */
export function isBase64Object(value: JsonValue | undefined): value is { readonly b64: string } {
  return (
    isJsonObject(value) &&
    typeof property(value, 'b64') === 'string' &&
    Object.keys(value).length === 1
  );
}

export function typeError(value: JsonValue, dtype: DType): ServingError {
  return new ServingError(
    'INVALID_INPUT',
    `JSON Value: ${preview(value)} Type: ${jsonTypeName(value)} is not of expected type: ${TF_TYPE_NAMES[dtype]}`,
  );
}

export function jsonTypeName(value: JsonValue): string {
  if (value === null) return 'Null';
  if (Array.isArray(value)) return 'Array';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return 'String';
  return typeof value === 'object' ? 'Object' : 'Number';
}
