import { concatByteStrings, sliceByteStrings, type OwnedStrings } from '../kernel/byte-strings';
import {
  elementCount,
  entriesPerElement,
  bytesPerElement,
  isByteStrings,
  sliceRows,
  typedArrayOver,
  type Tensor,
} from '../kernel/tensor';
import type { BufferPool } from './buffer-pool';

/** A batch ready for the runtime. */
export interface AssembledBatch {
  readonly inputs: readonly Tensor[];
  /** Buffers behind `inputs`, to be moved to the worker. */
  readonly transfer: readonly ArrayBuffer[];
}

/**
 * Joins the inputs of several requests along dimension 0 and pads to `paddedRows` by repeating the
 * first row: a row the model is known to take, where zeros could divide by zero.
 * All requests must have the same inputs, dtypes and row shapes.
 */
export function assembleBatch(
  requests: readonly (readonly Tensor[])[],
  paddedRows: number,
  pool: BufferPool,
): AssembledBatch {
  const [first] = requests;
  if (first === undefined) throw new RangeError('a batch needs at least one request');
  const transfer: ArrayBuffer[] = [];
  const inputs = first.map((model, position) => {
    const parts = requests.map((inputs) => inputs[position] ?? model);
    const rowShape = model.shape.slice(1);
    const shape = [paddedRows, ...rowShape];
    const rowEntries = elementCount(rowShape) * entriesPerElement(model.dtype);
    if (model.dtype === 'string') {
      const data = joinStrings(parts, rowEntries, paddedRows);
      transfer.push(data.bytes.buffer, data.bounds.buffer);
      return { ...model, shape, data };
    }
    const elements = elementCount(shape);
    const buffer = pool.take(elements * bytesPerElement(model.dtype));
    transfer.push(buffer);
    const bytes = new Uint8Array(buffer);
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
    return { ...model, shape, data: typedArrayOver(model.dtype, buffer, 0, elements) };
  });
  return { inputs, transfer };
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

/** A copy of string tensors that takes nothing along when it is moved elsewhere. */
export function ownStrings(inputs: readonly Tensor[]): AssembledBatch {
  if (!inputs.some(({ data }) => isByteStrings(data))) return { inputs, transfer: [] };
  const transfer: ArrayBuffer[] = [];
  const owned = inputs.map((input) => {
    if (!isByteStrings(input.data)) return input;
    const data = concatByteStrings([input.data]);
    transfer.push(data.bytes.buffer, data.bounds.buffer);
    return { ...input, data };
  });
  return { inputs: owned, transfer };
}

/**
 * Cuts the outputs of a batch back into the parts of its requests; padding rows are dropped.
 * The parts are views of the batch's memory.
 * @throws RangeError when an output has no batch dimension of `paddedRows`
 */
export function splitOutputs(
  outputs: readonly Tensor[],
  rowsOfRequests: readonly number[],
  paddedRows: number,
): Tensor[][] {
  for (const output of outputs) {
    if (output.shape[0] !== paddedRows) {
      throw new RangeError(
        `output "${output.name}" has shape [${output.shape.join(', ')}], not ${paddedRows} rows: the model cannot be batched`,
      );
    }
  }
  let start = 0;
  return rowsOfRequests.map((rows) => {
    const from = start;
    start += rows;
    return outputs.map((output) => sliceRows(output, from, rows));
  });
}
