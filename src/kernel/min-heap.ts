interface Entry<T> {
  readonly priority: number;
  /** Of equal priorities the one that was added first goes first. */
  readonly order: number;
  readonly item: T;
}

/** Gives what has the lowest priority first; adding and taking cost the logarithm of the size. */
export class MinHeap<T> {
  readonly #entries: Entry<T>[] = [];
  #added = 0;

  get size(): number {
    return this.#entries.length;
  }

  peek(): T | undefined {
    return this.#entries[0]?.item;
  }

  push(priority: number, item: T): void {
    this.#added += 1;
    this.#entries.push({ priority, order: this.#added, item });
    let at = this.#entries.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(parent, at);
      at = parent;
    }
  }

  pop(): T | undefined {
    const top = this.#entries[0];
    const last = this.#entries.pop();
    if (top === undefined || last === undefined || this.#entries.length === 0) return top?.item;
    this.#entries[0] = last;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const child = this.#isBefore(left + 1, left) ? left + 1 : left;
      if (!this.#isBefore(child, at)) return top.item;
      this.#swap(child, at);
      at = child;
    }
  }

  clear(): void {
    this.#entries.length = 0;
  }

  #isBefore(a: number, b: number): boolean {
    const [one, other] = [this.#entries[a], this.#entries[b]];
    // Beyond the end comes last.
    if (one === undefined || other === undefined) return one !== undefined;
    return one.priority === other.priority
      ? one.order < other.order
      : one.priority < other.priority;
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#entries[a], this.#entries[b]];
    if (one === undefined || other === undefined) return;
    this.#entries[a] = other;
    this.#entries[b] = one;
  }
}
