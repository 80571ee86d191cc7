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

  constructor({ quiet, out = process.stderr }) {
    this.#quiet = quiet;
    this.#out = out;
  }

  /** Said unless quiet: used where nothing had to be done. */
  note(text) {
    if (!this.#quiet) this.say(text);
  }

  /** Always said. */
  say(text) {
    this.#closeLine();
    this.#out.write(`setup: ${text}\n`);
  }

  /** Runs a long step, showing what `describe` answers (or the seconds gone by) while it lasts. */
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

/** "120 of 261 MB (46 %)" */
export function describeBytes(done, total) {
  const megabytes = (bytes) => Math.round(bytes / 1e6);
  // Space is allocated a little ahead or twice for a moment: never show more than all.
  const shown = Math.min(done, total);
  return `${megabytes(shown)} of ${megabytes(total)} MB (${Math.floor((100 * shown) / total)} %)`;
}
