/** Whole numbers below 2^32 in an array that grows. */
export class Uint32List {
  #data: Uint32Array;
  #length = 0;

  constructor(capacity = 64) {
    this.#data = new Uint32Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#data.length) {
      const larger = new Uint32Array(2 * this.#data.length || 64);
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data[this.#length++] = value;
  }

  finish(): Uint32Array {
    return this.#length === this.#data.length ? this.#data : this.#data.slice(0, this.#length);
  }
}
