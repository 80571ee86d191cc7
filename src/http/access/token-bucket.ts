const MS_PER_MINUTE = 60_000;

/**
 * So many of something a minute. What was not used is kept, up to a minute's worth. The balance may become
 * negative: how many images a request holds is known only when it has been read, and by then it is answered;
 * the debt is waited for by the next one.
 */
export class TokenBucket {
  readonly perMinute: number;
  readonly #now: () => number;
  #balance: number;
  #at: number;

  /** @param now milliseconds @default performance.now */
  constructor(perMinute: number, now: () => number = () => performance.now()) {
    this.perMinute = perMinute;
    this.#now = now;
    this.#balance = perMinute;
    this.#at = now();
  }

  /** What may be taken now; negative: what was taken too much. */
  get balance(): number {
    const now = this.#now();
    this.#balance = Math.min(
      this.perMinute,
      this.#balance + ((now - this.#at) * this.perMinute) / MS_PER_MINUTE,
    );
    this.#at = now;
    return this.#balance;
  }

  /** Takes so many, whether they are there or not. */
  take(count: number): void {
    this.#balance = this.balance - count;
  }

  /** Whole seconds until one may be taken; 0: now. */
  get waitS(): number {
    const missing = 1 - this.balance;
    return missing <= 0 ? 0 : Math.ceil((missing * 60) / this.perMinute);
  }
}
