const SILENT_PERIOD_MS = 10_000;
const REDRAW_MS = 250;

/**
 * What the set-up tells its user, on stderr: one line that redraws itself on a terminal, a line
 * every ten seconds elsewhere (a CI log).
 */
export class Progress {
  #quiet;
  #out;
  #lastShown = 0;
  #lineOpen = false;
  #title = '';
  #started = 0;

  /**
   * @param {{ quiet: boolean, out?: { isTTY?: boolean, write(text: string): unknown } }} options
   */
  constructor({ quiet, out = process.stderr }) {
    this.#quiet = quiet;
    this.#out = out;
  }

  /**
   * Prints a line unless quiet: for steps that had nothing to do.
   * @param {string} text
   */
  note(text) {
    if (!this.#quiet) this.say(text);
  }

  /**
   * Prints a line.
   * @param {string} text
   */
  say(text) {
    this.#closeLine();
    this.#out.write(`setup: ${text}\n`);
  }

  /**
   * Runs a long step and shows how far it is.
   * @template T
   * @param {string} title
   * @param {() => Promise<T>} work
   * @param {() => string | undefined} [describe] shown beside the seconds that have passed
   * @returns {Promise<T>} the result of `work`
   */
  async during(title, work, describe = () => undefined) {
    this.#title = title;
    this.#started = Date.now();
    this.#lastShown = this.#started;
    this.say(`${title} ...`);
    const timer = setInterval(() => this.#tick(describe()), REDRAW_MS);
    try {
      const result = await work();
      clearInterval(timer);
      this.#closeLine();
      this.say(`${title}: done in ${this.#seconds()} s`);
      return result;
    } finally {
      clearInterval(timer);
      this.#closeLine();
    }
  }

  #seconds() {
    return ((Date.now() - this.#started) / 1000).toFixed(1);
  }

  /** @param {string | undefined} detail */
  #tick(detail) {
    const text = `setup: ${this.#title}: ${detail === undefined ? '' : `${detail}, `}${this.#seconds()} s`;
    if (this.#out.isTTY) {
      this.#out.write(`\r\u001b[K${text}`);
      this.#lineOpen = true;
    } else if (Date.now() - this.#lastShown >= SILENT_PERIOD_MS) {
      this.#lastShown = Date.now();
      this.#out.write(`${text}\n`);
    }
  }

  #closeLine() {
    if (this.#lineOpen) this.#out.write('\r\u001b[K');
    this.#lineOpen = false;
  }
}

/**
 * For example "120 of 261 MB (46 %)".
 * @param {number} done
 * @param {number} total
 */
export function describeBytes(done, total) {
  /** @param {number} bytes */
  const megabytes = (bytes) => Math.round(bytes / 1e6);
  // Files are allocated ahead, and lie on the disk twice for a moment: never show more than the total.
  const shown = Math.min(done, total);
  return `${megabytes(shown)} of ${megabytes(total)} MB (${Math.floor((100 * shown) / total)} %)`;
}
