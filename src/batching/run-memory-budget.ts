import { once } from '../kernel/once';

/** Work that could not be let through. */
interface Refused {
  readonly bytes: number;
  readonly since: number;
}

/** How long what is too large for the moment lets what is smaller pass. */
const PASSED_FOR_MS = 1000;
/** What takes less of the budget is not counted: it would only be kept waiting by what is large. */
const COUNTED_FROM = 1 / 64;

/**
 * One limit for the memory that runs of all models take at once, beyond what loaded models hold. A
 * single run is let through however much it needs: it may be less than it was estimated to be.
 */
export class RunMemoryBudget {
  readonly limit: number;
  readonly #listeners = new Set<() => void>();
  readonly #refused = new Map<object, Refused>();
  #used = 0;

  /** @param limit in bytes */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes that runs were given. */
  get used(): number {
    return this.#used;
  }

  /**
   * @param holder who asks: one that was refused is remembered, and goes before others in time
   * @returns gives the bytes back; undefined when there is no room now
   */
  take(bytes: number, holder: object): (() => void) | undefined {
    if (bytes < this.limit * COUNTED_FROM) return () => undefined;
    const fits = this.#used === 0 || this.#used + bytes <= this.limit;
    if (!fits || this.#othersGoFirst(holder)) {
      if (!this.#refused.has(holder)) {
        this.#refused.set(holder, { bytes, since: performance.now() });
      }
      return undefined;
    }
    this.#refused.delete(holder);
    this.#used += bytes;
    return once(() => {
      this.#used -= bytes;
      this.#tell();
    });
  }

  /** `holder` wants nothing any more. */
  forget(holder: object): void {
    // Others may have had to let it go first.
    if (this.#refused.delete(holder)) this.#tell();
  }

  /** @returns ends it */
  onRoom(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #othersGoFirst(holder: object): boolean {
    const [oldest] = this.#refused;
    return (
      oldest !== undefined &&
      oldest[0] !== holder &&
      performance.now() - oldest[1].since >= PASSED_FOR_MS
    );
  }
}
