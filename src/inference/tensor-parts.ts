import { ServingError } from '../kernel/errors';
import { bytesPerElement, typedArrayOver } from '../kernel/element-types';
import {
  elementCount,
  formatShape,
  isBatchable,
  isByteStrings,
  sliceRows,
  type Tensor,
} from '../kernel/tensor';
import { concatByteStrings } from '../kernel/byte-strings';
import type { TensorTarget } from './tensor-request';

/** What goes into the queue as one: at most as many rows as a batch may have. */
export interface TensorPart {
  readonly inputs: readonly Tensor[];
  readonly rows: number;
  /** False: runs alone and as it is. */
  readonly batchable: boolean;
}

/** The parts of a request, which are made one by one. */
export interface TensorParts {
  readonly count: number;
  readonly part: (index: number) => TensorPart;
}

/** A request that runs alone and as it is. */
export function wholeRequest(inputs: readonly Tensor[]): TensorPart {
  return { inputs, rows: 1, batchable: false };
}

/**
 * Cuts a request into parts of at most `maxRows` rows, where its rows are independent. Inputs that
 * share no first dimension, though the signature leaves it open, are run as they are. A request
 * without rows has no part, where its answer follows from that.
 */
export function splitIntoParts(
  { signature, independentRows }: Pick<TensorTarget, 'signature' | 'independentRows'>,
  inputs: readonly Tensor[],
  maxRows: number,
): TensorParts {
  const [first] = inputs;
  const rows = first?.shape[0];
  const shared = inputs.every(({ shape }) => shape[0] === rows);
  if (first === undefined || rows === undefined || !shared || !isBatchable(signature)) {
    return { count: 1, part: () => wholeRequest(inputs) };
  }
  if (!independentRows) return { count: 1, part: () => wholeRequest(inputs) };
  return {
    count: Math.ceil(rows / maxRows),
    part: (index) => {
      const from = index * maxRows;
      const count = Math.min(maxRows, rows - from);
      return {
        inputs: count === rows ? inputs : inputs.map((input) => sliceRows(input, from, count)),
        rows: count,
        batchable: true,
      };
    },
  };
}

/**
 * Puts the outputs of the parts of a request together again.
 * @throws ServingError INVALID_INPUT when rows came out in different shapes
 */
export function joinParts(parts: readonly (readonly Tensor[])[]): readonly Tensor[] {
  const [first = []] = parts;
  if (parts.length <= 1) return first;
  return first.map((model, position) => {
    const pieces = parts.map((outputs) => outputs[position] ?? model);
    const rowShape = model.shape.slice(1);
    for (const { shape } of pieces) {
      if (shape.slice(1).join() !== rowShape.join()) {
        throw new ServingError(
          'INVALID_INPUT',
          `output "${model.name}" has rows of shape ${formatShape(rowShape)} and of ${formatShape(shape.slice(1))}: they make no tensor; send them in requests of their own`,
        );
      }
    }
    const rows = pieces.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
    const shape = [rows, ...rowShape];
    return { ...model, shape, data: joinData(model, pieces, elementCount(shape)) };
  });
}

function joinData(model: Tensor, pieces: readonly Tensor[], elements: number): Tensor['data'] {
  if (model.dtype === 'string') {
    return concatByteStrings(pieces.map(({ data }) => data).filter(isByteStrings));
  }
  const bytes = new Uint8Array(elements * bytesPerElement(model.dtype));
  let offset = 0;
  for (const { data } of pieces) {
    if (isByteStrings(data)) continue;
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return typedArrayOver(model.dtype, bytes.buffer, 0, elements);
}
