/** Seconds of the past that count: what was this long ago weighs a third (1/e) of what is now. */
export const TIME_CONSTANT_MS = 15_000;

/**
 * The share of instances that were busy lately: a moving average over time, exact between changes, as
 * the number of busy instances is constant there.
 */
export class Utilization {
  readonly #runs = new Map<number, number>();
  #average = 0;
  #changedAt: number | undefined;

  /** Notes a run on an instance; the function returned is to be called at its end. */
  begin(
    instance: number,
    instances: number,
    now: number,
  ): (instances: number, now: number) => void {
    this.#advance(instances, now);
    this.#runs.set(instance, (this.#runs.get(instance) ?? 0) + 1);
    return (left, end) => {
      this.#advance(left, end);
      const runs = (this.#runs.get(instance) ?? 1) - 1;
      if (runs === 0) this.#runs.delete(instance);
      else this.#runs.set(instance, runs);
    };
  }

  /** From 0, idle, to 1, every instance busy. @param instances that there are */
  at(instances: number, now: number): number {
    this.#advance(instances, now);
    return this.#average;
  }

  #advance(instances: number, now: number): void {
    const busy = instances === 0 ? 0 : Math.min(1, this.#runs.size / instances);
    // The first look has nothing behind it.
    const passed = now - (this.#changedAt ?? now);
    this.#average = busy + (this.#average - busy) * Math.exp(-passed / TIME_CONSTANT_MS);
    this.#changedAt = now;
  }
}
