import { ServingError } from '../../kernel/errors';
import { emptyTensor } from '../../inference/no-rows';
import type { TensorTarget } from '../../inference/tensor-request';
import type { DType } from '../../kernel/element-types';
import { notCarried, type Tensor, type TensorSpec } from '../../kernel/tensor';
import type { Steps } from '../../kernel/time-slices';
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  JsonCursor,
  OPEN_LIST,
  OPEN_OBJECT,
} from '../json/json-cursor';
import type { JsonSlice } from '../json/json-slice';
import type { JsonObject } from '../json/json-value';
import { isBase64ObjectAt } from '../tensors/element-sink';
import { NestedReader, readNested } from '../tensors/nested-reader';
import { sliceOf, typeError } from './request-body';

/** How a predict request names its tensors, and how it is answered. */
export interface PredictBody {
  /** row: `instances`, one value per row; column: `inputs`, one value per tensor. */
  readonly format: 'row' | 'column';
  readonly value: JsonSlice;
}

const STRINGS = { b64Objects: true };

/** @throws ServingError BAD_REQUEST */
export function predictBody(request: JsonObject): PredictBody {
  const instances = sliceOf(request, 'instances');
  const inputs = sliceOf(request, 'inputs');
  if (instances !== undefined && inputs !== undefined) {
    throw new ServingError(
      'BAD_REQUEST',
      "Expecting only one of 'inputs' or 'instances' keys, and both were given",
    );
  }
  if (inputs !== undefined) return { format: 'column', value: inputs };
  if (instances === undefined) {
    throw new ServingError('BAD_REQUEST', "Missing 'inputs' or 'instances' key");
  }
  if (!instances.isList) throw typeError(instances, 'list');
  return { format: 'row', value: instances };
}

/**
 * The tensors of a request, now that the signature is known.
 * @throws ServingError INVALID_INPUT, BAD_REQUEST where it is not JSON
 */
export function* predictInputs(target: TensorTarget, body: PredictBody): Steps<Tensor[]> {
  const { format, value } = body;
  const cursor = value.cursor();
  if (format === 'row') {
    cursor.at += 1;
    if (cursor.peek() === CLOSE_LIST) return noRows(target);
    if (yield* namesTensors(cursor)) return yield* fromRows(target, value);
    const input = onlyInput(target, 'instances');
    const ofRow = (row: number): string =>
      `Failed to process element: ${row} of 'instances' list. Error: `;
    return [yield* tensor(target, input, value, ofRow)];
  }
  if (yield* namesTensors(cursor)) return yield* fromColumns(target, value);
  return [yield* tensor(target, onlyInput(target, 'inputs'), value)];
}

function noRows(target: TensorTarget): Tensor[] {
  const { inputs } = target.signature;
  if (inputs.length > 0) {
    return inputs.map((spec) => emptyTensor(spec.name, carried(spec), [0]));
  }
  throw takesNone(target);
}

/** An object, but not one that stands for bytes. */
function* namesTensors(cursor: JsonCursor): Steps<boolean> {
  return cursor.peek() === OPEN_OBJECT && !(yield* isBase64ObjectAt(cursor));
}

/** One object per row, whose values go into the tensors by their names. */
function* fromRows(target: TensorTarget, instances: JsonSlice): Steps<Tensor[]> {
  const cursor = instances.cursor();
  cursor.require(OPEN_LIST);
  const columns = new Map<string, { reader: NestedReader; rows: number }>();
  let row = 0;
  do {
    if (!(yield* namesTensors(cursor))) {
      throw invalid(
        `Expecting an object at position ${row} of 'instances', as at position 0; a list or value was given`,
      );
    }
    for (const name of eachName(cursor)) {
      const spec = target.signature.inputs.find((input) => input.name === name);
      if (spec === undefined) {
        throw invalid(
          `Failed to process element: ${row} key: ${name} of 'instances' list. there is no input "${name}"; the signature takes ${names(target)}`,
        );
      }
      let column = columns.get(name);
      if (column === undefined) {
        const dtype = yield* dtypeOf(target, spec, cursor);
        column = {
          reader: new NestedReader({
            name,
            dtype,
            strings: STRINGS,
            max: instances.maxValues,
            exact: false,
            ofRow: (at) =>
              `Failed to process element: ${at} key: ${name} of 'instances' list. Error: `,
          }),
          rows: 0,
        };
        column.reader.openRows();
        columns.set(name, column);
      }
      if (column.rows > row) throw invalid(`instances[${row}] names input "${name}" twice`);
      yield* column.reader.row(cursor);
      column.rows += 1;
    }
    const missing = target.signature.inputs.find(({ name }) => columns.get(name)?.rows !== row + 1);
    if (missing !== undefined) {
      throw invalid(
        `Failed to process element: ${row} of 'instances' list. input "${missing.name}" is missing; the signature takes ${names(target)}`,
      );
    }
    row += 1;
  } while (cursor.take(COMMA));
  cursor.require(CLOSE_LIST);
  return [...columns.values()].map(({ reader }) => {
    reader.closeRows();
    return reader.finish();
  });
}

function* fromColumns(target: TensorTarget, inputs: JsonSlice): Steps<Tensor[]> {
  const cursor = inputs.cursor();
  const tensors = new Map<string, Tensor>();
  for (const name of eachName(cursor)) {
    const spec = target.signature.inputs.find((input) => input.name === name);
    if (spec === undefined) {
      throw invalid(
        `JSON object: does not match the signature: there is no input "${name}"; the signature takes ${names(target)}`,
      );
    }
    if (tensors.has(name)) throw invalid(`'inputs' names input "${name}" twice`);
    const dtype = yield* dtypeOf(target, spec, cursor);
    const reader = new NestedReader({
      name,
      dtype,
      strings: STRINGS,
      max: inputs.maxValues,
      exact: false,
    });
    yield* reader.value(cursor);
    tensors.set(name, reader.finish());
  }
  return [...tensors.values()];
}

/** The names of the object at the cursor; the value of each is to be consumed before the next. */
function* eachName(cursor: JsonCursor): Generator<string, void, undefined> {
  cursor.require(OPEN_OBJECT);
  if (cursor.take(CLOSE_OBJECT)) return;
  do {
    const name = cursor.string();
    cursor.require(COLON);
    yield name;
  } while (cursor.take(COMMA));
  cursor.require(CLOSE_OBJECT);
}

function onlyInput(target: TensorTarget, key: string): TensorSpec {
  const [input, ...others] = target.signature.inputs;
  if (input === undefined) throw takesNone(target);
  if (others.length === 0) return input;
  throw invalid(
    `'${key}' is a plain value or list, but expecting objects as multiple input tensors are required: ${names(target)}`,
  );
}

function* tensor(
  target: TensorTarget,
  spec: TensorSpec,
  value: JsonSlice,
  ofRow?: (row: number) => string,
): Steps<Tensor> {
  const dtype = yield* dtypeOf(target, spec, value.cursor());
  return yield* readNested(value, { name: spec.name, dtype, strings: STRINGS, ofRow });
}

/** The type to read the value at the cursor as. */
function* dtypeOf(target: TensorTarget, spec: TensorSpec, cursor: JsonCursor): Steps<DType> {
  // An encoded image where pixels are due: the use case turns it into them.
  if (spec.name === target.imageInput && spec.dtype !== 'string') {
    const ahead = new JsonCursor(cursor.bytes, cursor.at, cursor.end);
    while (ahead.take(OPEN_LIST));
    if (yield* isBase64ObjectAt(ahead)) return 'string';
  }
  return carried(spec);
}

function carried(spec: TensorSpec): DType {
  if (spec.dtype !== undefined) return spec.dtype;
  throw invalid(notCarried('input', spec));
}

function takesNone({ signatureName }: TensorTarget): ServingError {
  return invalid(`signature "${signatureName}" takes no input: ask with "inputs": {}`);
}

function names({ signature: { inputs } }: TensorTarget): string {
  return inputs.length === 0 ? 'none' : inputs.map(({ name }) => `"${name}"`).join(', ');
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_INPUT', message);
}
