/** Milliseconds after which a load that goes on is told again. */
const INTERVAL_MS = 10_000;

/** Measures how long versions load, and tells of those that take long. */
export class LoadWatch {
  readonly #running = new Map<string, { readonly since: number; readonly timer: NodeJS.Timeout }>();
  readonly #onLong: (model: string, version: number, seconds: number) => void;

  /** @param onLong called every ten seconds of a load */
  constructor(onLong: (model: string, version: number, seconds: number) => void) {
    this.#onLong = onLong;
  }

  /** @returns at the end of a load the seconds that it took, else undefined */
  reached(model: string, version: number, state: string): number | undefined {
    const key = `${model} ${version}`;
    const running = this.#running.get(key);
    if (running !== undefined) clearInterval(running.timer);
    this.#running.delete(key);
    if (state === 'LOADING') {
      const since = performance.now();
      const timer = setInterval(() => {
        this.#onLong(model, version, Math.round((performance.now() - since) / 1000));
      }, INTERVAL_MS).unref();
      this.#running.set(key, { since, timer });
      return undefined;
    }
    return running === undefined ? undefined : tenths((performance.now() - running.since) / 1000);
  }
}

function tenths(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}
