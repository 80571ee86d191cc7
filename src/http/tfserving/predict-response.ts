import { ServingError } from '../../kernel/errors';
import { formatShape, sliceRows, type Tensor } from '../../kernel/tensor';
import { nestedJson } from '../tensors/tensor-text';
import type { PredictBody } from './predict-request';

/**
 * The answer as JSON text. NaN and Infinity are written as such, as TensorFlow Serving does.
 * @throws ServingError INVALID_INPUT when outputs have no rows in common and rows were asked for
 */
export function predictResponse(outputs: readonly Tensor[], format: PredictBody['format']): string {
  return format === 'row'
    ? `{"predictions": ${rowsText(outputs)}}`
    : `{"outputs": ${columnsText(outputs)}}`;
}

function columnsText(outputs: readonly Tensor[]): string {
  const [only, ...others] = outputs;
  if (only !== undefined && others.length === 0) return tensorText(only);
  return `{${outputs.map((output) => named(output, tensorText(output))).join(',')}}`;
}

function rowsText(outputs: readonly Tensor[]): string {
  const [first, ...others] = outputs;
  if (first === undefined) return '[]';
  const rows = rowsOf(first);
  for (const output of others) {
    if (rowsOf(output) !== rows) {
      throw new ServingError(
        'INVALID_INPUT',
        `Tensor name: ${output.name} has inconsistent batch size: ${rowsOf(output)} expecting: ${rows}; ask with 'inputs' instead of 'instances'`,
      );
    }
  }
  if (others.length === 0) return tensorText(first);
  const texts = Array.from({ length: rows }, (_, row) => {
    const values = outputs.map((output) => named(output, tensorText(oneRow(output, row))));
    return `{${values.join(',')}}`;
  });
  return `[${texts.join(',')}]`;
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
function tensorText(output: Tensor): string {
  return nestedJson(output, output.name.endsWith('_bytes'));
}

function named(output: Tensor, text: string): string {
  return `${JSON.stringify(output.name)}: ${text}`;
}
