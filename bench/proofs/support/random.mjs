/** Numbers that follow from a seed and the number of a case alone, so that a case can be repeated by itself. */
export class Random {
  #state;

  constructor(seed, index) {
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35);
  }

  /** @returns a number in [0, 1) */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** @returns a whole number in [0, end) */
  below(end) {
    return Math.floor(this.next() * end);
  }

  /** @returns a whole number in [first, last] */
  from(first, last) {
    return first + this.below(last - first + 1);
  }

  chance(probability) {
    return this.next() < probability;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  /** @param items with a `weight`; 1 without */
  weighted(items) {
    const total = items.reduce((sum, { weight = 1 }) => sum + weight, 0);
    let left = this.next() * total;
    return items.find(({ weight = 1 }) => (left -= weight) < 0) ?? items.at(-1);
  }

  bytes(count) {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)));
  }
}
