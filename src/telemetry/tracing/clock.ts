/** Milliseconds by which the clocks may differ before the times of spans follow the system's. */
const TOLERANCE_MS = 100;

/**
 * Turns times by performance.now() into those of the system's clock, in milliseconds since 1970. All by the
 * same difference, so that spans stay in their order; it follows the system's clock where that was set.
 */
export class SpanClock {
  #difference = performance.timeOrigin;

  at(time: number): number {
    return this.#difference + time;
  }

  now(): number {
    return this.at(performance.now());
  }

  /** To be called now and then. */
  follow(): void {
    const difference = Date.now() - performance.now();
    if (Math.abs(difference - this.#difference) > TOLERANCE_MS) this.#difference = difference;
  }
}
