const EMPTY = 0n;
const FIRST_CAPACITY = 1024;

/** A set of 64-bit keys in 16 bytes a key or less: a million take 16 MiB, not 100. */
export class KeySet {
  #slots = new BigUint64Array(FIRST_CAPACITY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(key: bigint): boolean {
    const slot = find(this.#slots, stored(key));
    return this.#slots[slot] !== EMPTY;
  }

  /** @returns false when it was there already */
  add(key: bigint): boolean {
    const value = stored(key);
    const slot = find(this.#slots, value);
    if (this.#slots[slot] !== EMPTY) return false;
    this.#slots[slot] = value;
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

/** Zero marks a free place. */
function stored(key: bigint): bigint {
  return key === EMPTY ? 1n : key;
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
