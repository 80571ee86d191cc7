import { closeSync } from 'node:fs';

import { system, type System } from './system';

/** What TensorFlow wants its tensors to begin at: others are copied. */
const ALIGNMENT = 64;
const FIRST_BYTES = 256 * 1024;
/** Up to here a lane keeps its memory between runs; what a large run needed beyond is given back. */
const KEPT_BYTES = 16 * 1024 * 1024;

type MemoryCalls = Pick<System, 'createMemory' | 'setSize' | 'map' | 'giveBack'>;

/**
 * Memory that the server and one instance share, for the tensors of one run at a time. It has no name:
 * nothing is left behind however both end, and the size of /dev/shm does not matter.
 */
export class SharedLane {
  /** To be handed to the other process. */
  readonly descriptor: number;
  readonly #calls: MemoryCalls;
  /** Of all sizes that it had: views of the smaller ones may be in use. */
  readonly #mappings = new WeakSet<ArrayBufferLike>();
  #buffer: ArrayBuffer;
  #used = 0;
  #peak = 0;

  private constructor(descriptor: number, bytes: number, calls: MemoryCalls) {
    this.descriptor = descriptor;
    this.#calls = calls;
    this.#buffer = calls.map(descriptor, bytes);
    this.#mappings.add(this.#buffer);
  }

  /** @throws Error ENOMEM, or when set-up has not run */
  static create(name: string, calls: MemoryCalls = system()): SharedLane {
    const descriptor = calls.createMemory(name);
    calls.setSize(descriptor, FIRST_BYTES);
    return new SharedLane(descriptor, FIRST_BYTES, calls);
  }

  /** The same memory in the other process. @param bytes that it has by now */
  static attach(descriptor: number, bytes: number, calls: MemoryCalls = system()): SharedLane {
    return new SharedLane(descriptor, bytes, calls);
  }

  get capacity(): number {
    return this.#buffer.byteLength;
  }

  /** Where what was allocated ends, in bytes. */
  get used(): number {
    return this.#used;
  }

  /** Begins anew at the start, or behind what the other process wrote. */
  reset(used = 0): void {
    this.#used = used;
    this.#peak = Math.max(this.#peak, used);
  }

  /**
   * Memory behind what was allocated before. What was allocated stays where it is in the lane, but its
   * views may be of a mapping that is too short for the new.
   * @throws Error ENOMEM, ENOSPC
   */
  allocate(bytes: number): Uint8Array<ArrayBuffer> {
    const from = Math.ceil(this.#used / ALIGNMENT) * ALIGNMENT;
    const end = from + bytes;
    if (end > this.capacity) this.#grow(end);
    this.#used = end;
    this.#peak = Math.max(this.#peak, end);
    return new Uint8Array(this.#buffer, from, bytes);
  }

  /** Where a view of this lane begins, in bytes; undefined for memory of another kind. */
  offsetOf(view: ArrayBufferView): number | undefined {
    return this.#mappings.has(view.buffer) ? view.byteOffset : undefined;
  }

  /** @param capacity of the lane, which the other process may have made larger */
  view(offset: number, bytes: number, capacity: number): Uint8Array<ArrayBuffer> {
    if (capacity > this.capacity) this.#remap(capacity);
    return new Uint8Array(this.#buffer, offset, bytes);
  }

  /** Gives back what only a large run needed; nothing may be in use. */
  shrink(): void {
    if (this.#peak <= KEPT_BYTES) return;
    this.#calls.giveBack(this.descriptor, KEPT_BYTES, this.#peak - KEPT_BYTES);
    this.#peak = 0;
  }

  /** Gives all of its memory back; views that are left read zeros. */
  close(): void {
    this.#calls.giveBack(this.descriptor, 0, this.capacity);
    closeSync(this.descriptor);
  }

  #grow(bytes: number): void {
    // By doubling, so that growing step by step costs few mappings.
    const capacity = 2 ** Math.ceil(Math.log2(bytes));
    this.#calls.setSize(this.descriptor, capacity);
    this.#remap(capacity);
  }

  #remap(capacity: number): void {
    this.#buffer = this.#calls.map(this.descriptor, capacity);
    this.#mappings.add(this.#buffer);
  }
}
