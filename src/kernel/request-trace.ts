/** What becomes of one request in the queue and in its runs, told as it happens. */
export interface RequestTrace {
  /** It waits for a batch from now on, for the first time or again. */
  queued(): void;
  /** It is answered with an error and will not be run any more. */
  rejected(error: Error): void;
}

/** Told by the batcher what the traces of requests are made of. */
export interface BatchTracer {
  /** The trace of the request in whose course it is called; undefined where that is not traced. */
  enter(): RequestTrace | undefined;
  /**
   * Requests leave the queue and run together.
   * @returns to be called at the end of the run, with what was thrown if it failed; later calls do nothing
   */
  run(
    traces: readonly (RequestTrace | undefined)[],
    batch: { readonly rows: number; readonly paddedRows: number },
  ): (thrown?: unknown) => void;
}
