import { byId } from '../base/dom.js';
import { describe, failed } from './answer.js';
import { forget } from './pictures.js';
import { showStrip } from './strip.js';

/** @typedef {import('./types').Entry} Entry */
/** @typedef {import('../views/types').Picture} Picture */

/** Entries that are kept. */
const MOST_KEPT = 60;

/** What was answered since the page was opened: in memory, until it is left. */
export class Visit {
  /** The newest first. @type {Entry[]} */
  #entries = [];
  /** Those of the last request. @type {readonly Entry[]} */
  #last = [];
  /** @type {Entry | undefined} */
  #shown;
  /** Words for each entry. @type {WeakMap<Entry, string>} */
  #texts = new WeakMap();
  /** @type {(entry: Entry) => void} */
  #choose;

  /** @param {(entry: Entry) => void} choose called when the user wants to see one again */
  constructor(choose) {
    this.#choose = choose;
  }

  /**
   * What one request was answered.
   * @param {readonly Entry[]} entries
   * @param {readonly Picture[]} inUse pictures that are not to be forgotten
   */
  async add(entries, inUse) {
    const texts = await Promise.all(entries.map(describe));
    entries.forEach((entry, at) => this.#texts.set(entry, texts[at] ?? ''));
    this.#last = entries;
    this.#entries = [...entries, ...this.#entries];
    const gone = this.#entries.splice(MOST_KEPT);
    const kept = new Set([...this.#entries.map(({ picture }) => picture), ...inUse]);
    for (const { picture } of gone) if (picture && !kept.has(picture)) forget(picture);
  }

  /** A request that failed as a whole has no entries. */
  addFailure() {
    this.#last = [];
    this.#shown = undefined;
    this.#showStrips();
  }

  get shown() {
    return this.#shown;
  }

  /** @param {Entry} entry that is shown now */
  show(entry) {
    this.#shown = entry;
    this.#showStrips();
  }

  /** In words, for those who hear the page. */
  get words() {
    return this.#last.map((entry) => `${entry.name}: ${this.#textOf(entry)}`).join('. ');
  }

  /**
   * Other pictures of the same model, each once.
   * @param {Entry} entry
   */
  othersOf({ model, picture }) {
    const seen = new Set([picture]);
    return this.#entries.filter((other) => {
      if (other.model !== model || seen.has(other.picture)) return false;
      seen.add(other.picture);
      return true;
    });
  }

  /** @param {Entry} entry */
  #textOf(entry) {
    return this.#texts.get(entry) ?? '';
  }

  #showStrips() {
    const before = this.#entries.filter((entry) => !this.#last.includes(entry));
    byId('batch').hidden = this.#last.length < 2;
    byId('visit-part').hidden = before.length === 0;
    this.#strip('batch', this.#last);
    this.#strip('visit', before);
  }

  /** @param {string} id @param {readonly Entry[]} entries */
  #strip(id, entries) {
    showStrip(
      byId(id),
      entries.map((entry) => ({
        thumbnail: entry.thumbnail,
        name: entry.name,
        text: this.#textOf(entry),
        failed: failed(entry),
      })),
      this.#shown === undefined ? -1 : entries.indexOf(this.#shown),
      (at) => {
        const entry = entries[at];
        if (entry) this.#choose(entry);
      },
    );
  }
}
