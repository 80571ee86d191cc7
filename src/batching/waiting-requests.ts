import { ServingError } from '../kernel/errors';
import type { RequestTrace } from '../kernel/request-trace';
import type { Permit } from './admission';
import type { BatchKind } from './batch-limits';
import type { QueueHeads } from './batch-policy';
import type { BatchRequest, BatchResult } from './batch-request';
import type { Retriable } from './failed-run';
import { RequestQueue, type Queueable } from './request-queue';

/** A request from its submission to its answer. */
export interface QueuedRequest extends Queueable, Retriable {
  groupKey: string;
  readonly kind: BatchKind;
  /** False: to run alone and as it is. */
  batchable: boolean;
  /** Milliseconds that it may wait. */
  readonly timeoutMs: number;
  readonly deadline: number;
  readonly request: BatchRequest;
  readonly permit: Permit;
  readonly trace: RequestTrace | undefined;
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (error: Error) => void;
  /** Set while it waits. */
  onAbort: (() => void) | undefined;
}

/** What waits for a batch: it leaves to be run, when its time is over, or when its client goes. */
export class WaitingRequests {
  readonly #queue: RequestQueue<QueuedRequest>;
  readonly #onLeft: () => void;
  readonly #retryAfterS: () => number;
  /** No deadline in the queue is earlier, so that most of the time nobody has to look through it. */
  #earliestDeadline = Infinity;
  /** Whether a client has gone since the queue was looked through. */
  #someoneLeft = false;
  /** Groups made for requests that are to share a batch with no others. */
  #apart = 0;

  constructor(options: {
    /** Rows that a batch of requests such as this may have. */
    readonly limitOf: (request: QueuedRequest) => number;
    /** A client has gone. */
    readonly onLeft: () => void;
    /** Seconds that one whose time is over is told to wait. */
    readonly retryAfterS: () => number;
  }) {
    this.#queue = new RequestQueue(options.limitOf);
    this.#onLeft = options.onLeft;
    this.#retryAfterS = options.retryAfterS;
  }

  get size(): number {
    return this.#queue.size;
  }

  get heads(): QueueHeads {
    return this.#queue.heads();
  }

  /** The next time at which a request has waited long enough, or later; Infinity when none waits. */
  get earliestDeadline(): number {
    return this.#queue.size > 0 ? this.#earliestDeadline : Infinity;
  }

  /** @param where head: they were cut already, and go first */
  add(requests: readonly QueuedRequest[], where: 'head' | 'tail'): void {
    for (const queued of requests) {
      if (!queued.batchable) this.setApart([queued]);
      this.#earliestDeadline = Math.min(this.#earliestDeadline, queued.deadline);
      this.#watch(queued);
    }
    if (where === 'head') this.#queue.unshift(requests);
    else for (const queued of requests) this.#queue.push(queued);
  }

  /** They share batches with each other alone. Before they are added. */
  setApart(requests: readonly QueuedRequest[]): void {
    this.#apart += 1;
    for (const queued of requests) queued.groupKey = `apart ${String(this.#apart)}`;
  }

  /** What the next batch of a group would hold. */
  peek(group: string): QueuedRequest[] {
    return this.#queue.peek(group);
  }

  /** Takes the next batch of a group. */
  take(group: string): QueuedRequest[] {
    const taken = this.#queue.take(group);
    for (const queued of taken) this.#leave(queued);
    return taken;
  }

  /** Leaves a group out until `unpark`. */
  park(group: string): void {
    this.#queue.park(group);
  }

  unpark(): void {
    this.#queue.unpark();
  }

  refreshLimits(): void {
    this.#queue.refreshLimits();
  }

  /** From now on requests of a signature that wait run alone. */
  separate(signature: string): void {
    const waiting = this.#queue.removeWhere(({ request }) => request.signature === signature);
    for (const queued of waiting) queued.batchable = false;
    this.add(waiting, 'tail');
  }

  /** Answers those whose time is over or whose clients have gone: they cost no GPU time. */
  dropGone(): void {
    const now = performance.now();
    if (!this.#someoneLeft && now < this.#earliestDeadline) return;
    this.#someoneLeft = false;
    let earliest = Infinity;
    const gone = this.#queue.removeWhere(({ request, deadline }) => {
      if (request.signal?.aborted === true || deadline <= now) return true;
      // Of all that stay: what waits for its second run joined after younger requests.
      earliest = Math.min(earliest, deadline);
      return false;
    });
    this.#earliestDeadline = earliest;
    for (const queued of gone) this.reject(queued, this.#whyGone(queued));
  }

  /** Answers everything that waits with `error`. */
  rejectAll(error: ServingError): void {
    for (const queued of this.#queue.removeWhere(() => true)) this.reject(queued, error);
  }

  /** Answers one that does not wait any more. */
  reject(queued: QueuedRequest, error: ServingError): void {
    this.#leave(queued);
    queued.reject(error);
  }

  #watch(queued: QueuedRequest): void {
    const { signal } = queued.request;
    if (signal === undefined || queued.onAbort !== undefined) return;
    queued.onAbort = () => {
      this.#someoneLeft = true;
      this.#onLeft();
    };
    if (signal.aborted) this.#someoneLeft = true;
    signal.addEventListener('abort', queued.onAbort, { once: true });
  }

  #leave(queued: QueuedRequest): void {
    const { onAbort, permit, request } = queued;
    if (onAbort !== undefined) request.signal?.removeEventListener('abort', onAbort);
    queued.onAbort = undefined;
    permit.release();
  }

  #whyGone({ request, timeoutMs }: QueuedRequest): ServingError {
    return request.signal?.aborted === true
      ? new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request')
      : new ServingError(
          'QUEUE_TIMEOUT',
          `The request waited ${Math.round(timeoutMs)} ms in the queue`,
          { retryAfterS: this.#retryAfterS() },
        );
  }
}
