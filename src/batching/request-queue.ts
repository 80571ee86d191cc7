import type { GroupSnapshot } from './batch-policy';

/** What the queue has to know of a request. */
export interface Queueable {
  readonly groupKey: string;
  readonly rows: number;
  /** When it was queued, in ms of the batcher's clock. */
  readonly queuedAt: number;
}

/** First-in first-out within each group of requests that can share a batch. */
export class RequestQueue<T extends Queueable> {
  readonly #groups = new Map<string, T[]>();
  #size = 0;

  /** Requests in all groups. */
  get size(): number {
    return this.#size;
  }

  push(request: T): void {
    const group = this.#groups.get(request.groupKey);
    if (group === undefined) this.#groups.set(request.groupKey, [request]);
    else group.push(request);
    this.#size += 1;
  }

  /** Puts requests that were cut back at the head, in their order, to be cut again first. */
  unshift(requests: readonly T[]): void {
    for (const request of [...requests].reverse()) {
      const group = this.#groups.get(request.groupKey);
      if (group === undefined) this.#groups.set(request.groupKey, [request]);
      else group.unshift(request);
      this.#size += 1;
    }
  }

  /** Takes up to `count` requests from the head of a group. */
  take(groupKey: string, count: number): T[] {
    const group = this.#groups.get(groupKey);
    if (group === undefined) return [];
    const taken = group.splice(0, count);
    this.#size -= taken.length;
    if (group.length === 0) this.#groups.delete(groupKey);
    return taken;
  }

  /** Removes and returns every request for which `reject` holds. */
  removeWhere(reject: (request: T) => boolean): T[] {
    const removed: T[] = [];
    for (const [key, group] of this.#groups) {
      const kept = group.filter((request) => {
        const out = reject(request);
        if (out) removed.push(request);
        return !out;
      });
      if (kept.length === 0) this.#groups.delete(key);
      else if (kept.length < group.length) this.#groups.set(key, kept);
    }
    this.#size -= removed.length;
    return removed;
  }

  /** @param depth requests of each group to show: no batch takes more than its row limit */
  snapshot(depth: number): GroupSnapshot[] {
    return [...this.#groups].flatMap(([key, group]) => {
      const [first] = group;
      return first === undefined
        ? []
        : [{ key, rows: group.slice(0, depth).map(({ rows }) => rows), oldestAt: first.queuedAt }];
    });
  }
}
