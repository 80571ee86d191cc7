/**
 * Reuses buffers of equal size. Fresh ones of this size (a normalised image is 600 KB) cost the
 * HTTP thread about a tenth of its time in garbage collection.
 */
export class BufferPool {
  /** By size, the least recently used size first. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  readonly #maxBytes: number;
  #bytes = 0;

  /** @param maxBytes that are kept at most, whatever the number of sizes @default 64 MiB */
  constructor(maxBytes = 64 * 1024 * 1024) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of the buffers that wait to be used again. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A buffer of just this size; what it holds is left over from its last use. */
  take(bytes: number): ArrayBuffer {
    const buffer = this.#free.get(bytes)?.pop();
    if (buffer === undefined) return new ArrayBuffer(bytes);
    this.#bytes -= bytes;
    return buffer;
  }

  /** Nobody may use the buffers any more. Detached ones are skipped. */
  give(buffers: readonly ArrayBuffer[]): void {
    for (const buffer of buffers) {
      const { byteLength } = buffer;
      if (byteLength === 0 || byteLength > this.#maxBytes) continue;
      const list = this.#free.get(byteLength) ?? [];
      list.push(buffer);
      // Deleting first moves the size to the end of the map's order.
      this.#free.delete(byteLength);
      this.#free.set(byteLength, list);
      this.#bytes += byteLength;
    }
    this.#evict();
  }

  #evict(): void {
    for (const [size, list] of this.#free) {
      while (this.#bytes > this.#maxBytes && list.pop() !== undefined) this.#bytes -= size;
      if (list.length === 0) this.#free.delete(size);
      if (this.#bytes <= this.#maxBytes) return;
    }
  }
}
