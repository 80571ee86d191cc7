import { treeMemory } from '../support/process-memory.mjs';

const MIB = 1024 * 1024;
const EVERY_MS = 1000;
const ROWS = 16;
const MAX_SHARE = 0.05;
const SLACK = 32 * MIB;

/** Looks at the memory of a process tree while requests are sent. */
export class MemoryWatch {
  #samples = [];
  #timer;

  /** @param done how many requests have been answered */
  constructor(pid, done) {
    const started = performance.now();
    this.#timer = setInterval(() => {
      const { rss, own } = treeMemory(pid);
      const seconds = Math.round((performance.now() - started) / 1000);
      this.#samples.push({ seconds, requests: done(), rss, own });
    }, EVERY_MS);
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** A few of the samples, evenly spread. */
  rows() {
    const step = Math.max(1, Math.ceil(this.#samples.length / ROWS));
    return this.#samples
      .filter((_sample, index) => index % step === 0)
      .map(({ rss, own, ...rest }) => ({ ...rest, 'RSS MiB': mib(rss), 'own MiB': mib(own) }));
  }

  /**
   * Compares the second quarter of the requests with the last: caches are warm by then, and what grows does so.
   * @returns `line` to print, and whether memory is `flat`
   */
  verdict() {
    const total = this.#samples.at(-1)?.requests ?? 0;
    const between = (from, to) => {
      const within = this.#samples.filter(
        ({ requests }) => requests >= from * total && requests <= to * total,
      );
      return median(within.map(({ own }) => own));
    };
    const [before, after] = [between(0.25, 0.5), between(0.75, 1)];
    const allowed = before * (1 + MAX_SHARE) + SLACK;
    const line = `own memory: median ${mib(before)} MiB in the second quarter, ${mib(after)} MiB in the last; at most ${mib(allowed)} MiB`;
    return { line, flat: after <= allowed };
  }
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

function mib(bytes) {
  return Math.round(bytes / MIB);
}
