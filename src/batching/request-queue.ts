import { MinHeap } from '../kernel/min-heap';
import type { GroupHead, QueueHeads } from './batch-policy';

/** What the queue has to know of a request. */
export interface Queueable {
  readonly groupKey: string;
  readonly rows: number;
  /** When it was queued, in ms of the batcher's clock. */
  readonly queuedAt: number;
}

interface Group<T> {
  readonly key: string;
  requests: T[];
  /** Index of the first that has not been taken. */
  first: number;
  /** Rows of all requests that have not been taken. */
  rows: number;
  /** Rows that a batch of it may have. */
  limit: number;
  /** Left out until `unpark`. */
  parked: boolean;
  /** What an index holds of the group is void when this has moved on. */
  version: number;
}

interface Indexed<T> {
  readonly group: Group<T>;
  readonly version: number;
}

/** Void entries that an index may hold before it is made anew. */
const VOID_ENTRIES = 64;

/**
 * First-in first-out within each group of requests that can share a batch. Finding the next batch
 * costs the same for any number of groups.
 */
export class RequestQueue<T extends Queueable> {
  readonly #limitOf: (request: T) => number;
  readonly #groups = new Map<string, Group<T>>();
  readonly #parked = new Set<Group<T>>();
  /** By the time of their first request. */
  readonly #waiting = new MinHeap<Indexed<T>>();
  readonly #full = new MinHeap<Indexed<T>>();
  #size = 0;

  /** @param limitOf rows that a batch of requests such as this may have */
  constructor(limitOf: (request: T) => number) {
    this.#limitOf = limitOf;
  }

  /** Requests in all groups. */
  get size(): number {
    return this.#size;
  }

  push(request: T): void {
    this.#size += 1;
    const group = this.#groups.get(request.groupKey);
    if (group === undefined) {
      this.#open(request.groupKey, [request]);
      return;
    }
    const wasFull = isFull(group);
    group.requests.push(request);
    group.rows += request.rows;
    // Its first request is the same: only that it is full now is new.
    if (!wasFull) this.#indexFull(group);
  }

  /** Puts requests that were cut back at the head, in their order, to be cut again first. */
  unshift(requests: readonly T[]): void {
    const keys = new Set(requests.map(({ groupKey }) => groupKey));
    for (const key of keys) {
      const own = requests.filter(({ groupKey }) => groupKey === key);
      this.#size += own.length;
      const group = this.#groups.get(key);
      if (group === undefined) this.#open(key, own);
      else this.#replace(group, [...own, ...remaining(group)]);
    }
  }

  /** Takes what fits into one batch from the head of a group. */
  take(key: string): T[] {
    const group = this.#groups.get(key);
    if (group === undefined) return [];
    const count = fit(group);
    const taken = group.requests.slice(group.first, group.first + count);
    this.#size -= taken.length;
    group.first += taken.length;
    for (const { rows } of taken) group.rows -= rows;
    if (group.first === group.requests.length) this.#close(group);
    else {
      if (group.first > group.requests.length / 2) {
        group.requests = remaining(group);
        group.first = 0;
      }
      this.#index(group);
    }
    return taken;
  }

  /** What `take` would take. */
  peek(key: string): T[] {
    const group = this.#groups.get(key);
    return group === undefined ? [] : group.requests.slice(group.first, group.first + fit(group));
  }

  /** Leaves a group out until `unpark`. */
  park(key: string): void {
    const group = this.#groups.get(key);
    if (group === undefined) return;
    group.parked = true;
    this.#parked.add(group);
    this.#index(group);
  }

  /** Takes back what was parked. */
  unpark(): void {
    for (const group of this.#parked) {
      group.parked = false;
      this.#index(group);
    }
    this.#parked.clear();
  }

  /** To be called when the limit of some requests has changed. */
  refreshLimits(): void {
    for (const group of this.#groups.values()) {
      const [first] = group.requests.slice(group.first, group.first + 1);
      const limit = first === undefined ? group.limit : this.#limitOf(first);
      if (limit === group.limit) continue;
      group.limit = limit;
      this.#index(group);
    }
  }

  /** Removes and returns every request for which `reject` holds. */
  removeWhere(reject: (request: T) => boolean): T[] {
    const removed: T[] = [];
    for (const group of [...this.#groups.values()]) {
      const before = removed.length;
      const kept = remaining(group).filter((request) => {
        const out = reject(request);
        if (out) removed.push(request);
        return !out;
      });
      if (removed.length === before) continue;
      if (kept.length === 0) this.#close(group);
      else this.#replace(group, kept);
    }
    this.#size -= removed.length;
    return removed;
  }

  heads(): QueueHeads {
    return { oldest: this.#head(this.#waiting), oldestFull: this.#head(this.#full) };
  }

  #head(index: MinHeap<Indexed<T>>): GroupHead | undefined {
    for (;;) {
      const top = index.peek();
      if (top === undefined) return undefined;
      const { group, version } = top;
      const first = group.requests[group.first];
      if (version === group.version && first !== undefined) {
        return { key: group.key, oldestAt: first.queuedAt, full: isFull(group) };
      }
      index.pop();
    }
  }

  #open(key: string, requests: T[]): void {
    const [first] = requests;
    const group: Group<T> = {
      key,
      requests,
      first: 0,
      rows: rowsOf(requests),
      limit: first === undefined ? 1 : this.#limitOf(first),
      parked: false,
      version: 0,
    };
    this.#groups.set(key, group);
    this.#index(group);
  }

  #replace(group: Group<T>, requests: T[]): void {
    group.requests = requests;
    group.first = 0;
    group.rows = rowsOf(requests);
    this.#index(group);
  }

  #close(group: Group<T>): void {
    group.version += 1;
    this.#groups.delete(group.key);
    this.#parked.delete(group);
  }

  #index(group: Group<T>): void {
    group.version += 1;
    const first = group.requests[group.first];
    if (group.parked || first === undefined) return;
    this.#waiting.push(first.queuedAt, { group, version: group.version });
    this.#indexFull(group);
    const most = 2 * this.#groups.size + VOID_ENTRIES;
    if (this.#waiting.size > most || this.#full.size > most) this.#indexAnew();
  }

  #indexFull(group: Group<T>): void {
    const first = group.requests[group.first];
    if (group.parked || first === undefined || !isFull(group)) return;
    this.#full.push(first.queuedAt, { group, version: group.version });
  }

  #indexAnew(): void {
    this.#waiting.clear();
    this.#full.clear();
    for (const group of this.#groups.values()) {
      const first = group.requests[group.first];
      if (group.parked || first === undefined) continue;
      this.#waiting.push(first.queuedAt, { group, version: group.version });
      this.#indexFull(group);
    }
  }
}

function remaining<T>({ requests, first }: Group<T>): T[] {
  return requests.slice(first);
}

function rowsOf(requests: readonly Queueable[]): number {
  return requests.reduce((sum, { rows }) => sum + rows, 0);
}

/** Its next batch could not grow any more. */
function isFull({ rows, limit }: Group<Queueable>): boolean {
  return rows >= limit;
}

/**
 * Requests from the head that fit into one batch. One that is larger than the limit goes alone: it
 * was admitted before the limit was lowered.
 */
function fit({ requests, first, limit }: Group<Queueable>): number {
  let rows = 0;
  let count = 0;
  for (let at = first; at < requests.length; at++) {
    rows += requests[at]?.rows ?? 0;
    if (count > 0 && rows > limit) return count;
    count += 1;
    if (rows >= limit) return count;
  }
  return count;
}
