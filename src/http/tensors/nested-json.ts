import { ServingError } from '../../kernel/errors';
import {
  elementCount,
  formatShape,
  type DType,
  type Tensor,
  type TensorData,
} from '../../kernel/tensor';
import type { JsonValue } from '../json/lossless-json';
import { allocate, storeElements, typeError, type StringForm } from './json-elements';

/** Shape of nested lists, read off the first element of each. */
export function shapeOfNested(value: JsonValue): number[] {
  const shape: number[] = [];
  for (let inner: JsonValue | undefined = value; Array.isArray(inner);) {
    const list: readonly JsonValue[] = inner;
    shape.push(list.length);
    inner = list[0];
  }
  return shape;
}

/**
 * A tensor from nested lists, or from one value.
 * @throws ServingError INVALID_INPUT when the lists are uneven or a value is of another type
 */
export function tensorFromNested(
  name: string,
  dtype: DType,
  value: JsonValue,
  strings: StringForm,
): Tensor {
  const shape = shapeOfNested(value);
  const data = allocate(dtype, shape);
  const sink: Sink = { name, shape, dtype, data, strings, at: 0 };
  if (Array.isArray(value)) fill(value as readonly JsonValue[], 0, sink);
  else storeElements([value], data, 0, dtype, strings);
  return { name, dtype, shape, data };
}

interface Sink {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: TensorData;
  readonly strings: StringForm;
  at: number;
}

/** Recurses as deep as the shape is long, which the parser has limited. */
function fill(list: readonly JsonValue[], level: number, sink: Sink): void {
  const { name, shape } = sink;
  if (list.length !== shape[level]) {
    throw new ServingError(
      'INVALID_INPUT',
      `input "${name}": Encountered list at unexpected size: ${list.length} at level: ${level} expected size: ${shape[level] ?? 0}`,
    );
  }
  if (level === shape.length - 1) {
    const nested = list.find((value) => Array.isArray(value));
    if (nested !== undefined) {
      throw new ServingError(
        'INVALID_INPUT',
        `input "${name}": Encountered list at unexpected level: ${level + 1} expected < ${shape.length}`,
      );
    }
    storeElements(list, sink.data, sink.at, sink.dtype, sink.strings);
    sink.at += list.length;
    return;
  }
  for (const value of list) {
    if (!Array.isArray(value)) {
      throw new ServingError(
        'INVALID_INPUT',
        `input "${name}": ${typeError(value, sink.dtype).message}, but a list of shape ${formatShape(shape.slice(level + 1))}`,
      );
    }
    fill(value as readonly JsonValue[], level + 1, sink);
  }
}

/**
 * A tensor of a given shape from its elements in row-major order, in one list or nested.
 * @throws ServingError INVALID_INPUT when there are more or fewer elements than the shape has
 */
export function tensorFromFlat(
  name: string,
  dtype: DType,
  shape: readonly number[],
  value: JsonValue,
  strings: StringForm,
): Tensor {
  const elements = countElements(value);
  const data = allocate(dtype, [elements]);
  const end = storeFlat(Array.isArray(value) ? (value as JsonValue[]) : [value], 0);
  if (end !== elementCount(shape)) {
    throw new ServingError(
      'INVALID_INPUT',
      `input "${name}" of shape ${formatShape(shape)} holds ${elementCount(shape)} values and was given ${end}`,
    );
  }
  return { name, dtype, shape, data };

  function storeFlat(list: readonly JsonValue[], at: number): number {
    if (!list.some((inner) => Array.isArray(inner))) {
      storeElements(list, data, at, dtype, strings);
      return at + list.length;
    }
    return list.reduce<number>(
      (next, inner) => storeFlat(Array.isArray(inner) ? (inner as JsonValue[]) : [inner], next),
      at,
    );
  }
}

function countElements(value: JsonValue): number {
  if (!Array.isArray(value)) return 1;
  const list = value as readonly JsonValue[];
  if (!list.some((inner) => Array.isArray(inner))) return list.length;
  return list.reduce<number>((sum, inner) => sum + countElements(inner), 0);
}
