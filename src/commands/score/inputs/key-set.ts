/** Marks a free place. */
const EMPTY = 0n;
const FIRST_CAPACITY = 1024;

/** A set of 64-bit keys in 16 bytes a key or less: a million take 16 MiB, not 100. */
export class KeySet {
  #slots = new BigUint64Array(FIRST_CAPACITY);
  #size = 0;
  /** The key that cannot be in a slot, as it marks a free one. */
  #hasZero = false;

  get size(): number {
    return this.#size + Number(this.#hasZero);
  }

  has(key: bigint): boolean {
    return key === EMPTY ? this.#hasZero : this.#slots[find(this.#slots, key)] !== EMPTY;
  }

  /** @returns false when it was there already */
  add(key: bigint): boolean {
    if (key === EMPTY) {
      const isNew = !this.#hasZero;
      this.#hasZero = true;
      return isNew;
    }
    const slot = find(this.#slots, key);
    if (this.#slots[slot] !== EMPTY) return false;
    this.#slots[slot] = key;
    this.#size += 1;
    if (this.#size * 2 > this.#slots.length) this.#grow();
    return true;
  }

  #grow(): void {
    const wider = new BigUint64Array(this.#slots.length * 2);
    for (const value of this.#slots) if (value !== EMPTY) wider[find(wider, value)] = value;
    this.#slots = wider;
  }
}

/** Where the value is, or where it would go: the next free place after its own. */
function find(slots: BigUint64Array, value: bigint): number {
  const mask = slots.length - 1;
  let slot = Number(value & BigInt(mask));
  for (;;) {
    const there = slots[slot];
    if (there === EMPTY || there === value) return slot;
    slot = (slot + 1) & mask;
  }
}
