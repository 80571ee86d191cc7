import type { EngineTimings } from '../engines/engine';
import { classesOf, rowTask } from '../rows/row-classes';
import type { ScoreRow } from '../rows/score-row';

/** Counts and times of a run, in memory that does not grow with it. */
export class Tally {
  scored = 0;
  /** Rows of runs before this one. */
  resumed = 0;
  batchRows = 0;
  /** Inputs found so far, by whoever counts them. */
  found = 0;
  /** There are no more than `found`. */
  allFound = false;
  readonly errorsByCode = new Map<string, number>();
  readonly imagesByLabel = new Map<string, number>();
  readonly stages = new Map<string, StageTimes>();
  readonly #startedAt = performance.now();
  #endedAt: number | undefined;

  add(
    row: ScoreRow,
    { timings, batchRows }: { readonly timings?: EngineTimings; readonly batchRows?: number },
  ): void {
    this.scored += 1;
    this.#count(row);
    if (batchRows !== undefined) this.batchRows = batchRows;
    for (const [stage, ms] of Object.entries(timings ?? {})) {
      const times = this.stages.get(stage) ?? new StageTimes();
      this.stages.set(stage, times);
      times.add(ms as number);
    }
  }

  /** A row that a run before this one wrote. */
  resume(row: ScoreRow): void {
    this.resumed += 1;
    this.#count(row);
  }

  /** The clock stops. */
  end(): void {
    this.#endedAt = performance.now();
  }

  get rows(): number {
    return this.scored + this.resumed;
  }

  get errors(): number {
    return [...this.errorsByCode.values()].reduce((sum, count) => sum + count, 0);
  }

  get seconds(): number {
    return ((this.#endedAt ?? performance.now()) - this.#startedAt) / 1000;
  }

  /** Images a second of this run. */
  get rate(): number {
    return this.scored / Math.max(this.seconds, 0.001);
  }

  #count(row: ScoreRow): void {
    if (row.status === 'error') increase(this.errorsByCode, row.error.code);
    for (const label of labelsOf(row)) increase(this.imagesByLabel, label);
  }
}

/** What an image counts for: its first prediction, or each class that is found in it, once. */
function labelsOf(row: ScoreRow): Iterable<string> {
  const labels = classesOf(row).map(({ label }) => label);
  return rowTask(row)?.classesAre === 'found' ? new Set(labels) : labels.slice(0, 1);
}

/** Times of a stage in a histogram of steps of a tenth: a quantile is at most a tenth off. */
export class StageTimes {
  count = 0;
  totalMs = 0;
  readonly #buckets = new Map<number, number>();

  add(ms: number): void {
    this.count += 1;
    this.totalMs += ms;
    const bucket = Math.ceil(Math.log(Math.max(ms, 0.001)) / Math.log(1.1));
    increase(this.#buckets, bucket);
  }

  get meanMs(): number {
    return this.count === 0 ? 0 : this.totalMs / this.count;
  }

  /** @param share such as 0.95 */
  quantileMs(share: number): number {
    let left = this.count * share;
    for (const [bucket, count] of [...this.#buckets].sort(([a], [b]) => a - b)) {
      left -= count;
      if (left <= 0) return 1.1 ** bucket;
    }
    return 0;
  }
}

function increase<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
