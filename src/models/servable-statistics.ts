/** How often something was done and how long it took, in ms. */
export interface Duration {
  readonly count: number;
  readonly ms: number;
}

/** Where the time of one answered request went, in ms. */
export interface RequestTimings {
  readonly preprocessMs: number;
  readonly queueMs: number;
  readonly inferMs: number;
  readonly postprocessMs: number;
}

interface BatchSizeStatistics {
  readonly rows: number;
  readonly assemble: Duration;
  readonly infer: Duration;
  readonly split: Duration;
}

export interface StatisticsSnapshot {
  /** Unix time of the last run in ms; 0 before the first. */
  readonly lastRunAt: number;
  /** Rows run, padding not counted. */
  readonly inferenceCount: number;
  /** Runs. */
  readonly executionCount: number;
  readonly success: Duration;
  readonly fail: Duration;
  readonly queue: Duration;
  readonly preprocess: Duration;
  readonly infer: Duration;
  readonly postprocess: Duration;
  /** By rows in a run, ascending. */
  readonly batches: readonly BatchSizeStatistics[];
}

class Total {
  #count = 0;
  #ms = 0;

  add(ms: number): void {
    this.#count += 1;
    this.#ms += ms;
  }

  get snapshot(): Duration {
    return { count: this.#count, ms: this.#ms };
  }
}

/** What one version of a model has done since it was loaded. */
export class ServableStatistics {
  readonly #success = new Total();
  readonly #fail = new Total();
  readonly #queue = new Total();
  readonly #preprocess = new Total();
  readonly #infer = new Total();
  readonly #postprocess = new Total();
  readonly #batches = new Map<number, { assemble: Total; infer: Total; split: Total }>();
  #lastRunAt = 0;
  #inferenceCount = 0;
  #executionCount = 0;

  /** A request was answered. */
  succeeded(timings: RequestTimings): void {
    const { preprocessMs, queueMs, inferMs, postprocessMs } = timings;
    this.#success.add(preprocessMs + queueMs + inferMs + postprocessMs);
    this.#preprocess.add(preprocessMs);
    this.#queue.add(queueMs);
    this.#infer.add(inferMs);
    this.#postprocess.add(postprocessMs);
  }

  /** A request was admitted and ended in an error. */
  failed(ms: number): void {
    this.#fail.add(ms);
  }

  /** A batch was run. */
  executed(run: { rows: number; assembleMs: number; inferMs: number; splitMs: number }): void {
    this.#lastRunAt = Date.now();
    this.#inferenceCount += run.rows;
    this.#executionCount += 1;
    const batch = this.#batches.get(run.rows) ?? {
      assemble: new Total(),
      infer: new Total(),
      split: new Total(),
    };
    this.#batches.set(run.rows, batch);
    batch.assemble.add(run.assembleMs);
    batch.infer.add(run.inferMs);
    batch.split.add(run.splitMs);
  }

  get snapshot(): StatisticsSnapshot {
    return {
      lastRunAt: this.#lastRunAt,
      inferenceCount: this.#inferenceCount,
      executionCount: this.#executionCount,
      success: this.#success.snapshot,
      fail: this.#fail.snapshot,
      queue: this.#queue.snapshot,
      preprocess: this.#preprocess.snapshot,
      infer: this.#infer.snapshot,
      postprocess: this.#postprocess.snapshot,
      batches: [...this.#batches]
        .sort(([a], [b]) => a - b)
        .map(([rows, { assemble, infer, split }]) => ({
          rows,
          assemble: assemble.snapshot,
          infer: infer.snapshot,
          split: split.snapshot,
        })),
    };
  }
}
