import { StringDecoder } from 'node:string_decoder';

import { ServingError } from '../../kernel/errors';
import { byteStringAt, type ByteStrings } from '../../kernel/byte-strings';
import { entriesPerElement, type NumericData } from '../../kernel/element-types';
import { fromHalf } from '../../kernel/half-floats';
import { isByteStrings, type Tensor } from '../../kernel/tensor';
import { float32Text, float64Text } from '../json/number-text';

/** Pieces of a text, each made in well under a millisecond. */
export type TextPieces = Generator<string, void, undefined>;

type NumberText = (index: number) => string;

/** Numbers that are written in one piece. */
const PIECE_NUMBERS = 1024;
/** Bytes of a string that are written in one piece; a multiple of 3, which base64 takes together. */
const PIECE_BYTES = 192 * 1024;

/** Elements of a tensor as JSON, in row-major order and in one list. */
export function* flatJson(tensor: Tensor, bytesAsBase64: boolean): TextPieces {
  yield* nestedJson({ ...tensor, shape: [countOf(tensor)] }, bytesAsBase64);
}

/** A tensor as nested JSON lists; a scalar as its value. `NaN` and `Infinity` are written as such. */
export function* nestedJson(tensor: Tensor, bytesAsBase64: boolean): TextPieces {
  const { data } = tensor;
  const writer = isByteStrings(data)
    ? new StringWriter(data, bytesAsBase64)
    : new NumberWriter(numberText(tensor, data));
  yield* writeLevel(writer, tensor.shape, 0, 0, countOf(tensor));
}

function countOf({ data, dtype }: Tensor): number {
  return data.length / entriesPerElement(dtype);
}

interface ElementWriter {
  /** Elements from `from` up to `to` with commas between them. */
  list(from: number, to: number): TextPieces;
}

function* writeLevel(
  writer: ElementWriter,
  shape: readonly number[],
  level: number,
  from: number,
  count: number,
): TextPieces {
  const size = shape[level];
  if (size === undefined) {
    yield* writer.list(from, from + 1);
  } else if (level === shape.length - 1) {
    yield '[';
    yield* writer.list(from, from + count);
    yield ']';
  } else {
    yield '[';
    const step = size === 0 ? 0 : count / size;
    for (let i = 0; i < size; i++) {
      if (i > 0) yield ',';
      yield* writeLevel(writer, shape, level + 1, from + i * step, step);
    }
    yield ']';
  }
}

class NumberWriter implements ElementWriter {
  readonly #text: NumberText;

  constructor(text: NumberText) {
    this.#text = text;
  }

  *list(from: number, to: number): TextPieces {
    for (let start = from; start < to; start += PIECE_NUMBERS) {
      const end = Math.min(to, start + PIECE_NUMBERS);
      const parts = new Array<string>(end - start);
      for (let i = start; i < end; i++) parts[i - start] = this.#text(i);
      yield (start > from ? ',' : '') + parts.join(',');
    }
  }
}

class StringWriter implements ElementWriter {
  readonly #strings: ByteStrings;
  readonly #base64: boolean;

  constructor(strings: ByteStrings, base64: boolean) {
    this.#strings = strings;
    this.#base64 = base64;
  }

  *list(from: number, to: number): TextPieces {
    for (let index = from; index < to; index++) {
      const bytes = byteStringAt(this.#strings, index);
      const comma = index > from ? ',' : '';
      if (this.#base64) yield* base64Object(bytes, comma);
      else yield* quoted(bytes, comma);
    }
  }
}

function* base64Object(bytes: Uint8Array, before: string): TextPieces {
  yield `${before}{"b64":"`;
  yield* base64Text(bytes);
  yield '"}';
}

/** Bytes as base64, in pieces. */
export function* base64Text(bytes: Uint8Array): TextPieces {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < buffer.length; at += PIECE_BYTES) {
    yield buffer.toString('base64', at, Math.min(buffer.length, at + PIECE_BYTES));
  }
}

function* quoted(bytes: Uint8Array, before: string): TextPieces {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length <= PIECE_BYTES) {
    yield before + JSON.stringify(buffer.toString('utf8'));
    return;
  }
  yield `${before}"`;
  const decoder = new StringDecoder('utf8');
  for (let at = 0; at < buffer.length; at += PIECE_BYTES) {
    const text = decoder.write(buffer.subarray(at, at + PIECE_BYTES));
    yield JSON.stringify(text).slice(1, -1);
  }
  yield `${JSON.stringify(decoder.end()).slice(1, -1)}"`;
}

/** How a number of the tensor is written. */
function numberText({ name, dtype }: Tensor, data: NumericData): NumberText {
  switch (dtype) {
    case 'float32':
      return (index) => float32Text(data[index] as number);
    case 'float16':
    case 'bfloat16':
      return (index) => float32Text(fromHalf(data[index] as number, dtype));
    case 'bool':
      return (index) => (data[index] === 0 ? 'false' : 'true');
    case 'float64':
      return (index) => float64Text(data[index] as number);
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'uint64':
      return (index) => String(data[index]);
    case 'string':
    case 'complex64':
    case 'complex128':
      throw new ServingError(
        'INVALID_INPUT',
        `JSON has no form for output "${name}" of type ${dtype}`,
      );
  }
}
