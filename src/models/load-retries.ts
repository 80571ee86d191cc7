export interface LoadRetriesOptions {
  /** How often a version that failed to load is tried again. */
  readonly maxRetries: number;
  /** Milliseconds between a failure and the next attempt. */
  readonly intervalMs: number;
  /** Tries it again. */
  readonly retry: (model: string, version: number) => void;
}

/** The next attempt at a version that failed to load. */
export interface PlannedRetry {
  /** From 1 to `of`. */
  readonly attempt: number;
  readonly of: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

interface Failures {
  /** The files that failed; others start afresh. */
  readonly revision: string;
  retries: number;
  planned: PlannedRetry | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** When versions that failed to load are tried again: a bounded number of times, as TensorFlow Serving does. */
export class LoadRetries {
  readonly #options: LoadRetriesOptions;
  readonly #failures = new Map<string, Map<number, Failures>>();

  constructor(options: LoadRetriesOptions) {
    this.#options = options;
  }

  /**
   * A version failed to load.
   * @param revision of its files
   * @returns the next attempt; undefined after the last one
   */
  failed(model: string, version: number, revision: string): PlannedRetry | undefined {
    const { maxRetries, intervalMs, retry } = this.#options;
    const ofModel = this.#failures.get(model) ?? new Map<number, Failures>();
    this.#failures.set(model, ofModel);
    const known = ofModel.get(version);
    const failures: Failures =
      known?.revision === revision
        ? known
        : { revision, retries: 0, planned: undefined, timer: undefined };
    clearTimeout(known?.timer);
    ofModel.set(version, failures);
    failures.planned = undefined;
    if (failures.retries >= maxRetries) return undefined;
    failures.retries += 1;
    failures.planned = { attempt: failures.retries, of: maxRetries, at: Date.now() + intervalMs };
    failures.timer = setTimeout(() => {
      failures.planned = undefined;
      retry(model, version);
    }, intervalMs);
    return failures.planned;
  }

  /** Attempts to come, by version. */
  planned(model: string): ReadonlyMap<number, PlannedRetry> {
    const planned = new Map<number, PlannedRetry>();
    for (const [version, failures] of this.#failures.get(model) ?? []) {
      if (failures.planned !== undefined) planned.set(version, failures.planned);
    }
    return planned;
  }

  /** Cancels what was planned for a version, or for every version of the model, and counts from 0 again. */
  forget(model: string, version?: number): void {
    const ofModel = this.#failures.get(model);
    for (const [known, { timer }] of ofModel ?? []) {
      if (version !== undefined && known !== version) continue;
      clearTimeout(timer);
      ofModel?.delete(known);
    }
  }

  /** Cancels everything. */
  clear(): void {
    for (const model of this.#failures.keys()) this.forget(model);
  }
}
