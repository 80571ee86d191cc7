import type { Tensor } from '../kernel/tensor';
import { isByteStrings } from '../kernel/tensor';

/** Inputs of one caller; every tensor has `rows` as its first dimension when the model batches. */
export interface BatchRequest {
  readonly signature: string;
  readonly inputs: readonly Tensor[];
  readonly rows: number;
  /** Output names to fetch; all when absent. */
  readonly outputs?: readonly string[] | undefined;
  /** Aborted when the caller has gone. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds in the queue, when they are to be fewer than `queueTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /**
   * False: to run alone and as it is, in a model that batches others.
   * @default what the options say
   */
  readonly batchable?: boolean;
}

export interface BatchResult {
  readonly outputs: readonly Tensor[];
  readonly queueMs: number;
  readonly inferMs: number;
  /** Rows that ran together, this request's included, padding not. */
  readonly batchRows: number;
  /** False when an output has other rows than the inputs: answers in parts cannot be joined. */
  readonly rowsMatch: boolean;
}

/** Requests of the same key can share a batch. */
export function groupKey({
  signature,
  inputs,
  outputs,
}: Pick<BatchRequest, 'signature' | 'inputs' | 'outputs'>): string {
  const tensors = inputs.map(
    ({ name, dtype, shape }) => `${name}:${dtype}[${shape.slice(1).join(',')}]`,
  );
  return `${signature}(${tensors.join(';')})${outputs === undefined ? '' : `→${outputs.join(',')}`}`;
}

/** Bytes of the elements of all inputs. */
export function inputBytes(inputs: readonly Tensor[]): number {
  return inputs.reduce(
    (sum, { data }) => sum + (isByteStrings(data) ? data.bytes.byteLength : data.byteLength),
    0,
  );
}
