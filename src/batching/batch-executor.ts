import type { BatchTracer } from '../kernel/request-trace';
import type { RunRequest, RunResult } from '../kernel/run';

/** Where batches run. Injected: the batcher knows no TensorFlow. */
export interface BatchExecutor {
  snapshot(): readonly { readonly index: number; readonly inFlight: number }[];
  /** Bytes that a run may take within the limit of its instance. @default no limit */
  readonly headroomBytes?: number;
  /** @throws RunFailedError, RunLostError */
  run(index: number, request: RunRequest): Promise<RunResult>;
}

/** One run of a batch that succeeded. */
export interface Execution {
  readonly rows: number;
  readonly paddedRows: number;
  /** Milliseconds: inputs joined; run; outputs cut apart. */
  readonly assembleMs: number;
  readonly inferMs: number;
  readonly splitMs: number;
}

export interface BatcherEvents {
  readonly onExecution?: (batch: Execution) => void;
  /** A batch failed as a whole and will be tried again in parts. */
  readonly onSplit?: (requests: number, reason: string) => void;
  /** From now on requests for a signature run one by one. */
  readonly onBatchingStopped?: (signature: string, reason: string) => void;
  readonly onLimitLowered?: (limit: number, reason: string) => void;
  /** Makes traces of what becomes of requests. @default there are none */
  readonly tracer?: BatchTracer | undefined;
}
