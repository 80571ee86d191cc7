import type { Signature, Tensor } from '../kernel/tensor';
import type { ServableSpec } from '../models/servable-spec';
import type { RequestTimings } from '../models/servable-statistics';

/** What a request is run on; known once the model has been taken. */
export interface TensorTarget {
  readonly model: string;
  readonly version: number;
  readonly signatureName: string;
  readonly signature: Signature;
  readonly spec: ServableSpec;
  /** Whether requests for it may share runs, or be cut. */
  readonly independentRows: boolean;
  /** Input that takes encoded images too, as strings; undefined when none does. */
  readonly imageInput: string | undefined;
}

export interface TensorRequest {
  readonly model: string;
  /** The newest available when absent. */
  readonly version?: number | undefined;
  /** Any signature of the SavedModel; the one that model.json names when absent or empty. */
  readonly signature?: string | undefined;
  /** Reads the inputs, now that their types are known; may throw a ServingError. */
  readonly inputs: (target: TensorTarget) => readonly Tensor[] | Promise<readonly Tensor[]>;
  /** Names of the outputs to answer; all when absent. */
  readonly outputs?: (target: TensorTarget) => readonly string[] | undefined;
  /** Milliseconds from now until which the request must have left the queue. */
  readonly timeoutMs?: number | undefined;
  /** Aborted when the client has gone. */
  readonly signal?: AbortSignal | undefined;
}

export interface TensorAnswer {
  readonly target: TensorTarget;
  /** In the order of the signature. */
  readonly outputs: readonly Tensor[];
  /** For several parts the longest of each, as they overlap. */
  readonly timings: RequestTimings;
  /** Rows of the largest batch that a part of it ran in. */
  readonly batchRows: number;
}
