/** Weight of the newest run in the moving average. */
const NEWEST = 0.3;
/** Kinds remembered; models that take any size could otherwise add one for every image. */
const MAX_KINDS = 256;

interface Running {
  readonly kind: string;
  startedAt: number;
}

/** How long batches take, by kind (shape and padded size), and when running ones should end. */
export class RunEstimates {
  readonly #averages = new Map<string, number>();
  readonly #running = new Map<number, Running[]>();
  #typical: number | undefined;

  /** Moving average over all kinds in ms; 0 before the first run. */
  get typicalMs(): number {
    return this.#typical ?? 0;
  }

  learn(kind: string, ms: number): void {
    const known = this.#averages.get(kind);
    // Deleting first keeps the map in order of last use.
    this.#averages.delete(kind);
    this.#averages.set(kind, moved(known, ms));
    this.#typical = moved(this.#typical, ms);
    const [oldest] = this.#averages.keys();
    if (this.#averages.size > MAX_KINDS && oldest !== undefined) this.#averages.delete(oldest);
  }

  /** Notes that a batch was posted to a slot; the function returned is to be called at its end. */
  begin(slot: number, kind: string): () => void {
    const list = this.#running.get(slot) ?? [];
    const running = { kind, startedAt: performance.now() };
    list.push(running);
    this.#running.set(slot, list);
    return () => {
      list.splice(list.indexOf(running), 1);
      const [next] = list;
      if (next !== undefined) next.startedAt = performance.now();
    };
  }

  /** Time in ms at which the running batch of a slot should end; unknown for kinds never seen. */
  expectedEndAt(slot: number): number | undefined {
    const running = this.#running.get(slot)?.[0];
    if (running === undefined) return undefined;
    const average = this.#averages.get(running.kind);
    return average === undefined ? undefined : running.startedAt + average;
  }
}

function moved(average: number | undefined, ms: number): number {
  return average === undefined ? ms : average + NEWEST * (ms - average);
}
