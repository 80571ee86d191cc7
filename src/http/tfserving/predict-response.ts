import { ServingError } from '../../kernel/errors';
import { formatShape, sliceRows, type Tensor } from '../../kernel/tensor';
import { nestedJson, type TextPieces } from '../tensors/tensor-text';
import type { PredictBody } from './predict-request';

/**
 * The answer as JSON text. NaN and Infinity are written as such, as TensorFlow Serving does.
 * @throws ServingError INVALID_INPUT when outputs have no rows in common and rows were asked for
 */
export function* predictResponse(
  outputs: readonly Tensor[],
  format: PredictBody['format'],
): TextPieces {
  yield format === 'row' ? '{"predictions": ' : '{"outputs": ';
  yield* format === 'row' ? rowsText(outputs) : columnsText(outputs);
  yield '}';
}

function* columnsText(outputs: readonly Tensor[]): TextPieces {
  const [only, ...others] = outputs;
  if (only !== undefined && others.length === 0) {
    yield* tensorText(only);
    return;
  }
  yield* objectOf(outputs);
}

function* rowsText(outputs: readonly Tensor[]): TextPieces {
  const [first, ...others] = outputs;
  if (first === undefined) {
    yield '[]';
    return;
  }
  const rows = rowsOf(first);
  for (const output of others) {
    if (rowsOf(output) !== rows) {
      throw new ServingError(
        'INVALID_INPUT',
        `Tensor name: ${output.name} has inconsistent batch size: ${rowsOf(output)} expecting: ${rows}; ask with 'inputs' instead of 'instances'`,
      );
    }
  }
  if (others.length === 0) {
    yield* tensorText(first);
    return;
  }
  yield '[';
  for (let row = 0; row < rows; row++) {
    if (row > 0) yield ',';
    yield* objectOf(outputs.map((output) => oneRow(output, row)));
  }
  yield ']';
}

function* objectOf(outputs: readonly Tensor[]): TextPieces {
  yield '{';
  for (const [index, output] of outputs.entries()) {
    yield `${index === 0 ? '' : ','}${JSON.stringify(output.name)}: `;
    yield* tensorText(output);
  }
  yield '}';
}

function rowsOf({ name, shape }: Tensor): number {
  const [rows] = shape;
  if (rows !== undefined) return rows;
  throw new ServingError(
    'INVALID_INPUT',
    `Tensor name: ${name} of shape ${formatShape(shape)} has no rows; ask with 'inputs' instead of 'instances'`,
  );
}

/** One row without its batch dimension. */
function oneRow(output: Tensor, row: number): Tensor {
  const slice = sliceRows(output, row, 1);
  return { ...slice, shape: slice.shape.slice(1) };
}

/** Bytes are base64 where the name of the output says that they are bytes. */
function tensorText(output: Tensor): TextPieces {
  return nestedJson(output, output.name.endsWith('_bytes'));
}
