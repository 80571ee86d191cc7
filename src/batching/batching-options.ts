export interface BatchingOptions {
  /** Most rows in a batch. */
  readonly maxBatchSize: number;
  /** Ascending sizes that batches are padded up to; the last is `maxBatchSize`. */
  readonly allowedBatchSizes: readonly number[];
  /** Milliseconds a request may wait for company while an instance is idle. */
  readonly maxQueueDelayMs: number;
  /** Most requests between admission and the cut of their batch. */
  readonly maxQueueSize: number;
  /** Milliseconds from joining the queue after which a request still queued is answered 504. */
  readonly queueTimeoutMs: number;
  /** False for models whose signature has no batch dimension: every request runs alone, as it is. */
  readonly batchable: boolean;
}
