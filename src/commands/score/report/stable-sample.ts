import { createHash } from 'node:crypto';

/**
 * Keeps at most `limit` of any number of items: those whose key has the smallest hash. The choice
 * depends on the keys alone, not on their order, so that shards, resumed runs and repeated reports
 * show the same images.
 */
export class StableSample<T> {
  readonly #limit: number;
  #bound = Infinity;
  #kept: { readonly rank: number; readonly order: number; readonly item: T }[] = [];
  #seen = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(key: string, item: T): void {
    const order = this.#seen;
    this.#seen += 1;
    const rank = rankOf(key);
    if (rank > this.#bound) return;
    this.#kept.push({ rank, order, item });
    // Twice the limit is held before the surplus is cut, so that sorting stays rare.
    if (this.#kept.length >= 2 * this.#limit) this.#cut();
  }

  /** What was kept, in the order in which it came. */
  items(): T[] {
    if (this.#kept.length > this.#limit) this.#cut();
    return this.#kept.sort((a, b) => a.order - b.order).map(({ item }) => item);
  }

  #cut(): void {
    this.#kept.sort((a, b) => a.rank - b.rank);
    this.#kept.length = Math.min(this.#kept.length, this.#limit);
    this.#bound = this.#kept.at(-1)?.rank ?? -1;
  }
}

/** 48 bits: few enough for an exact number, enough for a million keys to differ. */
function rankOf(key: string): number {
  return createHash('sha256').update(key).digest().readUIntBE(0, 6);
}
