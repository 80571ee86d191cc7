import { ServingError } from '../../kernel/errors';
import { byteStringsOver } from '../../kernel/byte-strings';
import { typedArrayOf, type DType, type NumericData } from '../../kernel/element-types';
import { fromHalf, toHalf, type HalfType } from '../../kernel/half-floats';
import type { TensorData } from '../../kernel/tensor';
import type { Steps } from '../../kernel/time-slices';
import { decodeBase64InPlace } from '../json/base64-in-place';
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  OPEN_OBJECT,
  QUOTE,
  type JsonCursor,
} from '../json/json-cursor';
import { previewAt } from '../json/json-preview';
import { endOfString, readStringInPlace, type StringRange } from '../json/json-string';
import { Uint32List } from './uint32-list';

/** TensorFlow's names of the types, as its messages have them. */
const TF_TYPE_NAMES: Readonly<Record<DType, string>> = {
  float32: 'float',
  float64: 'double',
  float16: 'half',
  bfloat16: 'bfloat16',
  int8: 'int8',
  int16: 'int16',
  int32: 'int32',
  int64: 'int64',
  uint8: 'uint8',
  uint16: 'uint16',
  uint32: 'uint32',
  uint64: 'uint64',
  bool: 'bool',
  string: 'string',
  complex64: 'complex64',
  complex128: 'complex128',
};

/** Ranges of whole numbers that a double holds exactly. */
const WHOLE_NUMBERS = {
  int8: { low: -(2 ** 7), high: 2 ** 7 - 1 },
  int16: { low: -(2 ** 15), high: 2 ** 15 - 1 },
  int32: { low: -(2 ** 31), high: 2 ** 31 - 1 },
  uint8: { low: 0, high: 2 ** 8 - 1 },
  uint16: { low: 0, high: 2 ** 16 - 1 },
  uint32: { low: 0, high: 2 ** 32 - 1 },
} as const;

const MAX_FLOAT32 = 3.4028234663852886e38;
/** Bytes that no value begins with, and the end. */
const NO_VALUE: readonly number[] = [-1, COMMA, COLON, CLOSE_LIST, CLOSE_OBJECT];
/** Elements that are given room for at first, where their number is not known. */
const FIRST_CAPACITY = 64;

/** How strings are written. */
export interface StringForm {
  /** `{"b64": "…"}` stands for bytes. */
  readonly b64Objects: boolean;
  /** Every string is base64. @default false */
  readonly base64?: boolean;
}

/** Takes the elements of a tensor out of JSON, one after the other, in row-major order. */
export interface ElementSink<T = TensorData> {
  /**
   * Reads the element at the cursor.
   * @throws ServingError INVALID_INPUT for a value that the type does not have
   */
  read(cursor: JsonCursor): Steps<void> | undefined;
  /** Elements read so far: the place of the one that `read` refused. */
  readonly count: number;
  /** All elements. */
  finish(): T;
}

/** Numbers in a typed array that grows. */
class NumberSink<T extends NumericData> implements ElementSink<T> {
  readonly #make: (length: number) => T;
  readonly #max: number;
  readonly #element: (cursor: JsonCursor) => T[number];
  #data: T;
  #count = 0;

  /** @param max elements there can be */
  constructor(
    make: (length: number) => T,
    max: number,
    exact: boolean,
    element: (cursor: JsonCursor) => T[number],
  ) {
    this.#make = make;
    this.#max = max;
    this.#element = element;
    this.#data = make(exact ? max : Math.min(max, FIRST_CAPACITY));
  }

  get count(): number {
    return this.#count;
  }

  read(cursor: JsonCursor): undefined {
    if (this.#count === this.#data.length) this.#grow();
    const element = this.#element(cursor);
    this.#data[this.#count++] = element;
  }

  finish(): T {
    return this.#count === this.#data.length ? this.#data : (this.#data.slice(0, this.#count) as T);
  }

  #grow(): void {
    const larger = this.#make(Math.min(this.#max, this.#data.length * 2) || 1);
    (larger as Uint8Array).set(this.#data as Uint8Array);
    this.#data = larger;
  }
}

/** Strings that stay where they are in the body. */
class StringSink implements ElementSink {
  readonly #bounds: Uint32List;
  readonly #form: StringForm;
  #bytes: Buffer | undefined;

  constructor(max: number, exact: boolean, form: StringForm) {
    this.#form = form;
    this.#bounds = new Uint32List(2 * (exact ? max : Math.min(max, FIRST_CAPACITY)));
  }

  get count(): number {
    return this.#bounds.length / 2;
  }

  *read(cursor: JsonCursor): Steps<void> {
    this.#bytes = cursor.bytes;
    const { start, end } = yield* readBytes(cursor, this.#form);
    this.#bounds.push(start);
    this.#bounds.push(end);
  }

  finish(): TensorData {
    return byteStringsOver(this.#bytes ?? Buffer.alloc(0), this.#bounds.finish());
  }
}

/**
 * @param max elements there can be
 * @param exact whether there are as many, unless something is wrong
 */
export function sinkOf(
  dtype: DType,
  max: number,
  exact: boolean,
  strings: StringForm,
): ElementSink {
  const refuse = (cursor: JsonCursor): ServingError => typeError(cursor, TF_TYPE_NAMES[dtype]);
  switch (dtype) {
    case 'float32':
      return new NumberSink((length) => new Float32Array(length), max, exact, float32At);
    case 'float64':
      return new NumberSink(
        (length) => new Float64Array(length),
        max,
        exact,
        (cursor) => float64At(cursor, refuse),
      );
    case 'float16':
    case 'bfloat16':
      return new NumberSink(
        (length) => new Uint16Array(length),
        max,
        exact,
        (cursor) => halfAt(cursor, dtype),
      );
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32': {
      const { low, high } = WHOLE_NUMBERS[dtype];
      const make = (length: number): NumericData => typedArrayOf(dtype, length);
      return new NumberSink(make, max, exact, integerWithin(low, high, refuse));
    }
    case 'int64':
      return new NumberSink(
        (length) => new BigInt64Array(length),
        max,
        exact,
        bigIntWithin(-(2n ** 63n), 2n ** 63n - 1n, refuse),
      );
    case 'uint64':
      return new NumberSink(
        (length) => new BigUint64Array(length),
        max,
        exact,
        bigIntWithin(0n, 2n ** 64n - 1n, refuse),
      );
    case 'bool':
      return new NumberSink(
        (length) => new Uint8Array(length),
        max,
        exact,
        (cursor) => {
          const from = startAt(cursor);
          const number = cursor.number();
          const value = number ?? wordAt(cursor);
          if (value === true || value === 1) return 1;
          if (value === false || value === 0) return 0;
          cursor.at = from;
          throw refuse(cursor);
        },
      );
    case 'string':
      return new StringSink(max, exact, strings);
    case 'complex64':
    case 'complex128':
      throw new ServingError('INVALID_INPUT', `JSON has no form for the type ${dtype}`);
  }
}

/** A sink for as many numbers as there can be. */
export function numberSink<T extends NumericData>(
  make: (length: number) => T,
  max: number,
  element: (cursor: JsonCursor) => T[number],
): ElementSink<T> {
  return new NumberSink(make, max, true, element);
}

export function float32At(cursor: JsonCursor): number {
  const from = startAt(cursor);
  const value = cursor.number(true);
  if (value !== undefined && value >= -MAX_FLOAT32 && value <= MAX_FLOAT32) return value;
  if (value === undefined) throw typeError(cursor, TF_TYPE_NAMES.float32);
  // Just above the limit may be the limit, as `number` was not exact.
  const exact = Number.isFinite(value) ? Number(cursor.text(from)) : value;
  if (Number.isFinite(exact) && Math.abs(exact) > MAX_FLOAT32) {
    cursor.at = from;
    throw new ServingError(
      'INVALID_INPUT',
      `Cannot convert JSON value: ${previewAt(cursor).text} to float without loss of precision.`,
    );
  }
  return exact;
}

/** The bits of a 16-bit float; a number beyond its range is refused, not made infinite. */
export function halfAt(cursor: JsonCursor, type: HalfType): number {
  const from = startAt(cursor);
  const value = float32At(cursor);
  const bits = toHalf(value, type);
  if (Number.isFinite(value) && !Number.isFinite(fromHalf(bits, type))) {
    cursor.at = from;
    throw new ServingError(
      'INVALID_INPUT',
      `Cannot convert JSON value: ${previewAt(cursor).text} to ${TF_TYPE_NAMES[type]} without loss of precision.`,
    );
  }
  return bits;
}

export function float64At(
  cursor: JsonCursor,
  refuse: (cursor: JsonCursor) => ServingError,
): number {
  const value = cursor.number();
  if (value === undefined) throw refuse(cursor);
  return value;
}

/** A whole number between two others, however it is written: 1, 1.0 and 1e0 are the same. */
export function integerWithin(
  low: number,
  high: number,
  refuse: (cursor: JsonCursor) => ServingError,
): (cursor: JsonCursor) => number {
  return (cursor) => {
    const from = startAt(cursor);
    const value = cursor.number();
    if (value !== undefined && value >= low && value <= high && Number.isInteger(value)) {
      return value;
    }
    cursor.at = from;
    throw refuse(cursor);
  };
}

export function bigIntWithin(
  low: bigint,
  high: bigint,
  refuse: (cursor: JsonCursor) => ServingError,
): (cursor: JsonCursor) => bigint {
  return (cursor) => {
    const from = startAt(cursor);
    const value = cursor.number();
    if (value !== undefined && Number.isInteger(value)) {
      const exact =
        cursor.wasInteger && !Number.isSafeInteger(value)
          ? BigInt(cursor.text(from))
          : BigInt(value);
      if (exact >= low && exact <= high) return exact;
    }
    cursor.at = from;
    throw refuse(cursor);
  };
}

/**
 * The bytes of a string or of `{"b64": "…"}`, which end up where they were written.
 * @throws ServingError INVALID_INPUT
 */
export function* readBytes(
  cursor: JsonCursor,
  { b64Objects, base64 = false }: StringForm,
): Steps<StringRange> {
  const from = startAt(cursor);
  const first = cursor.peek();
  if (first === QUOTE) {
    const range = yield* readStringInPlace(cursor);
    return base64 ? yield* decoded(cursor, range) : range;
  }
  if (b64Objects && first === OPEN_OBJECT && takeBase64Key(cursor) && cursor.peek() === QUOTE) {
    const range = yield* readStringInPlace(cursor);
    if (cursor.take(CLOSE_OBJECT)) return yield* decoded(cursor, range);
  }
  cursor.at = from;
  throw typeError(cursor, TF_TYPE_NAMES.string);
}

/** Whether the value at the cursor is `{"b64": "…"}` with nothing else in it; it is not consumed. */
export function* isBase64ObjectAt(cursor: JsonCursor): Steps<boolean> {
  const from = startAt(cursor);
  try {
    if (cursor.peek() !== OPEN_OBJECT || !takeBase64Key(cursor)) return false;
    if (cursor.peek() !== QUOTE) return false;
    cursor.at = (yield* endOfString(cursor.bytes, cursor.at + 1, cursor.end)) + 1;
    return cursor.take(CLOSE_OBJECT);
  } finally {
    cursor.at = from;
  }
}

function takeBase64Key(cursor: JsonCursor): boolean {
  cursor.at += 1;
  if (cursor.peek() !== QUOTE) return false;
  return cursor.string() === 'b64' && cursor.take(COLON);
}

function* decoded(cursor: JsonCursor, range: StringRange): Steps<StringRange> {
  const text = cursor.bytes.toString('utf8', range.start, Math.min(range.end, range.start + 80));
  const bytes = yield* decodeBase64InPlace(cursor.bytes, range);
  if (bytes !== undefined) return bytes;
  throw new ServingError('INVALID_INPUT', `Unable to base64 decode: ${JSON.stringify(text)}`);
}

function startAt(cursor: JsonCursor): number {
  cursor.peek();
  return cursor.at;
}

function wordAt(cursor: JsonCursor): null | boolean | number | undefined {
  const first = cursor.peek() | 0x20;
  return first >= 0x61 && first <= 0x7a ? cursor.word() : undefined;
}

/**
 * The value at the cursor is of another type than its place wants, or there is none.
 * @throws ServingError BAD_REQUEST where there is something that is not JSON
 */
export function typeError(cursor: JsonCursor, expected: string): ServingError {
  if (NO_VALUE.includes(cursor.peek())) return cursor.unexpected();
  const from = cursor.at;
  // What is not a value at all, such as `nul` or `None`, is not JSON.
  wordAt(cursor);
  cursor.at = from;
  const { text, type } = previewAt(cursor);
  return new ServingError(
    'INVALID_INPUT',
    `JSON Value: ${text} Type: ${type} is not of expected type: ${expected}`,
  );
}
