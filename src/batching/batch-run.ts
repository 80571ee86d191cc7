import type { Tensor } from '../kernel/tensor';
import { assembleBatch, RowMismatchError, splitOutputs } from './assemble';
import type { BatchExecutor, Execution } from './batch-executor';
import type { BatchRequest } from './batch-request';

/** A batch that was cut, and where it is to run. */
export interface CutBatch {
  readonly requests: readonly BatchRequest[];
  /** False: one request, which runs as it is. */
  readonly batchable: boolean;
  readonly paddedRows: number;
  readonly slot: number;
  readonly measure: boolean;
}

export interface BatchOutcome extends Execution {
  /** Outputs of each request, in order; views of the memory of the batch. */
  readonly parts: readonly (readonly Tensor[])[];
  /** Set when the rows of an output are not those of the inputs; then the batch was one request. */
  readonly mismatch: RowMismatchError | undefined;
  readonly peakBytes: number | undefined;
}

/**
 * Joins the inputs, runs them, and cuts the outputs apart.
 * @throws RunFailedError, RunLostError, RowMismatchError when several requests ran together
 */
export async function runBatch(
  executor: BatchExecutor,
  { requests, batchable, paddedRows, slot, measure }: CutBatch,
): Promise<BatchOutcome> {
  const [first] = requests;
  if (first === undefined) throw new RangeError('a batch needs at least one request');
  const rows = requests.reduce((sum, request) => sum + request.rows, 0);
  const begun = performance.now();
  let assembleMs = 0;
  const { outputs, inferMs, peakBytes } = await executor.run(slot, {
    signature: first.signature,
    inputs: (allocate) => {
      const inputs = batchable
        ? assembleBatch(
            requests.map((request) => request.inputs),
            paddedRows,
            allocate,
          )
        : first.inputs;
      assembleMs = performance.now() - begun;
      return inputs;
    },
    outputs: first.outputs,
    measure,
  });
  const received = performance.now();
  const { parts, mismatch } = batchable
    ? partsOf(outputs, requests, paddedRows)
    : { parts: [outputs], mismatch: undefined };
  const splitMs = performance.now() - received;
  return { parts, mismatch, rows, paddedRows, assembleMs, inferMs, splitMs, peakBytes };
}

/** What one request gave that ran as it is is its answer, whatever the number of rows. */
function partsOf(
  outputs: readonly Tensor[],
  requests: readonly BatchRequest[],
  paddedRows: number,
): Pick<BatchOutcome, 'parts' | 'mismatch'> {
  const rows = requests.map((request) => request.rows);
  try {
    return { parts: splitOutputs(outputs, rows, paddedRows), mismatch: undefined };
  } catch (thrown) {
    const isWhole = requests.length === 1 && rows[0] === paddedRows;
    if (!(thrown instanceof RowMismatchError) || !isWhole) throw thrown;
    return { parts: [outputs], mismatch: thrown };
  }
}
