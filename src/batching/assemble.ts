import { concatByteStrings, sliceByteStrings, type OwnedStrings } from '../kernel/byte-strings';
import { entriesPerElement, bytesPerElement, typedArrayOver } from '../kernel/element-types';
import { elementCount, formatShape, isByteStrings, sliceRows, type Tensor } from '../kernel/tensor';
import type { Allocate } from '../kernel/run';

/**
 * Joins the inputs of several requests along dimension 0 and pads to `paddedRows` by repeating the
 * first row: a row the model is known to take, where zeros could divide by zero.
 * All requests must have the same inputs, dtypes and row shapes.
 */
export function assembleBatch(
  requests: readonly (readonly Tensor[])[],
  paddedRows: number,
  allocate: Allocate,
): Tensor[] {
  const [first] = requests;
  if (first === undefined) throw new RangeError('a batch needs at least one request');
  return first.map((model, position) => {
    const parts = requests.map((inputs) => inputs[position] ?? model);
    const rowShape = model.shape.slice(1);
    const shape = [paddedRows, ...rowShape];
    const rowEntries = elementCount(rowShape) * entriesPerElement(model.dtype);
    if (model.dtype === 'string') {
      return { ...model, shape, data: joinStrings(parts, rowEntries, paddedRows) };
    }
    const elements = elementCount(shape);
    const bytes = allocate(elements * bytesPerElement(model.dtype));
    let offset = 0;
    for (const { data } of parts) {
      if (isByteStrings(data)) continue;
      bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
      offset += data.byteLength;
    }
    const rowBytes = rowEntries * (bytesPerElement(model.dtype) / entriesPerElement(model.dtype));
    while (offset < bytes.length) {
      bytes.copyWithin(offset, 0, rowBytes);
      offset += rowBytes;
    }
    return {
      ...model,
      shape,
      data: typedArrayOver(model.dtype, bytes.buffer, bytes.byteOffset, elements),
    };
  });
}

/** The strings of all parts; the first row is repeated until there are `rows`. */
function joinStrings(parts: readonly Tensor[], rowEntries: number, rows: number): OwnedStrings {
  const strings = parts.map(({ data }) => data).filter(isByteStrings);
  const [first] = strings;
  const given = strings.reduce((sum, { length }) => sum + length, 0);
  const missing = rows - given / Math.max(1, rowEntries);
  const padding =
    first === undefined || rowEntries === 0
      ? []
      : Array.from({ length: missing }, () => sliceByteStrings(first, 0, rowEntries));
  return concatByteStrings([...strings, ...padding]);
}

/** The rows of an output are not those of the inputs: it cannot be cut apart. */
export class RowMismatchError extends Error {
  constructor({ name, shape }: Tensor, rows: number) {
    super(
      `output "${name}" has shape ${formatShape(shape)} for ${rows} ${rows === 1 ? 'row' : 'rows'}: its rows are not those of the inputs`,
    );
    this.name = 'RowMismatchError';
  }
}

/**
 * Cuts the outputs of a batch back into the parts of its requests; padding rows are dropped.
 * The parts are views of the batch's memory.
 * @throws RowMismatchError when the first dimension of an output is not `paddedRows`
 */
export function splitOutputs(
  outputs: readonly Tensor[],
  rowsOfRequests: readonly number[],
  paddedRows: number,
): Tensor[][] {
  for (const output of outputs) {
    if (output.shape[0] !== paddedRows) throw new RowMismatchError(output, paddedRows);
  }
  let start = 0;
  return rowsOfRequests.map((rows) => {
    const from = start;
    start += rows;
    return outputs.map((output) => sliceRows(output, from, rows));
  });
}
