import type { BatchingOptions } from './batching-options';
import { paddedSize } from './batch-policy';
import { RunMemory } from './run-memory';
import type { RunMemoryBudget } from './run-memory-budget';

/** Of what an instance has left a run is given so much: estimates are no measurements. */
const SHARE_OF_HEADROOM = 0.8;
/** A new estimate has to differ by so much for batches that wait to be looked at again. */
const WORTH_A_LOOK = 0.1;

/** Requests of one kind: their key, and bytes of one row of their inputs. */
export interface BatchKind {
  readonly key: string;
  readonly rowBytes: number;
}

interface BatchLimitsOptions {
  readonly batching: Pick<BatchingOptions, 'maxBatchSize' | 'allowedBatchSizes'>;
  /** Absent where memory is not that of the machine, as on a GPU. */
  readonly budget: RunMemoryBudget | undefined;
  readonly headroomBytes: () => number;
}

/** How many rows a batch may have: by configuration, by what such runs take, and by what has failed. */
export class BatchLimits {
  readonly #options: BatchLimitsOptions;
  readonly #memory = new RunMemory();
  /** Bytes of inputs that memory does not suffice for. */
  #tooManyBytes = Infinity;

  constructor(options: BatchLimitsOptions) {
    this.#options = options;
  }

  /** At least 1: what is too large alone is found out by running it. */
  rowsOf({ key, rowBytes }: BatchKind): number {
    const { batching, budget, headroomBytes } = this.#options;
    const bytes = Math.min(budget?.limit ?? Infinity, SHARE_OF_HEADROOM * headroomBytes());
    const taken = budget === undefined ? 0 : this.#memory.estimate(key, rowBytes);
    const byMemory = taken > 0 ? Math.floor(bytes / taken) : Infinity;
    // Half of what failed, and no more.
    const byFailure = rowBytes > 0 ? Math.floor(this.#tooManyBytes / 2 / rowBytes) : Infinity;
    return Math.max(1, Math.min(batching.maxBatchSize, byMemory, byFailure));
  }

  /** Rows to pad to. Padding must not bring back a size that memory does not suffice for. */
  paddedRows(rows: number, kind: BatchKind): number {
    const limit = this.rowsOf(kind);
    const { allowedBatchSizes } = this.#options.batching;
    return paddedSize(
      rows,
      allowedBatchSizes.filter((size) => size <= limit),
    );
  }

  /** Bytes that a run should take. */
  estimate({ key, rowBytes }: BatchKind, rows: number): number {
    return this.#memory.estimate(key, rows * rowBytes);
  }

  shouldMeasure({ key }: BatchKind): boolean {
    return this.#options.budget !== undefined && this.#memory.shouldMeasure(key);
  }

  /** @returns whether batches that wait may have other limits now */
  learn(kind: BatchKind, rows: number, takenBytes: number): boolean {
    const before = this.estimate(kind, 1);
    this.#memory.learn(kind.key, rows * kind.rowBytes, takenBytes);
    const after = this.estimate(kind, 1);
    return Math.abs(after - before) > WORTH_A_LOOK * before;
  }

  /** Memory did not suffice for a run. @returns whether the limit fell */
  lower({ rowBytes }: BatchKind, rows: number): boolean {
    const bytes = rows * rowBytes;
    if (rows <= 1 || bytes >= this.#tooManyBytes) return false;
    this.#tooManyBytes = bytes;
    return true;
  }
}
