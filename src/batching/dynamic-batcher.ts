import { messageOf, ServingError } from '../kernel/errors';
import { RunFailedError } from '../kernel/run-failed-error';
import { Admission, type Permit } from './admission';
import { assembleBatch, ownStrings, splitOutputs } from './assemble';
import type { BatcherEvents, BatchExecutor } from './batch-executor';
import type { BatchingOptions } from './batching-options';
import { decideBatch, paddedSize } from './batch-policy';
import { groupKey, type BatchRequest, type BatchResult } from './batch-request';
import { BufferPool } from './buffer-pool';
import { errorOfRun, retryOf, type Retriable } from './failed-run';
import { RequestQueue, type Queueable } from './request-queue';
import { RunEstimates } from './run-estimates';

interface Queued extends Queueable, Retriable {
  groupKey: string;
  readonly batchable: boolean;
  readonly timeoutMs: number;
  readonly request: BatchRequest;
  readonly deadline: number;
  readonly permit: Permit;
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (error: Error) => void;
  readonly onAbort: () => void;
}

/** How long before the expected end of a run a part-filled batch is posted behind it. */
const PREFETCH_LEAD_MS = 5;

/** Collects requests into batches and hands them to instances as the policy decides. */
export class DynamicBatcher {
  readonly admission: Admission;
  readonly #options: BatchingOptions;
  readonly #executor: BatchExecutor;
  readonly #events: BatcherEvents;
  readonly #queue = new RequestQueue<Queued>();
  readonly #pool = new BufferPool();
  readonly #estimates = new RunEstimates();
  readonly #idleWaiters: (() => void)[] = [];
  #limit: number;
  /** No deadline in the queue is earlier, so that most of the time nobody has to look through it. */
  #earliestDeadline = Infinity;
  /** Whether a client has gone since the queue was looked through. */
  #someoneLeft = false;
  #running = 0;
  #splits = 0;
  #timer: NodeJS.Timeout | undefined;
  #pumpQueued = false;

  constructor(options: BatchingOptions, executor: BatchExecutor, events: BatcherEvents = {}) {
    this.#options = options;
    this.#executor = executor;
    this.#events = events;
    this.#limit = options.maxBatchSize;
    this.admission = new Admission({
      limit: options.maxQueueSize,
      retryAfterS: () => this.#secondsToEmpty(),
    });
  }

  /** Requests waiting for a batch. */
  get queueDepth(): number {
    return this.#queue.size;
  }

  /** Rows a batch may have now; lower than configured after the device ran out of memory. */
  get batchLimit(): number {
    return this.#limit;
  }

  /**
   * Queues a request. The permit is released when the request leaves the queue.
   * @throws ServingError INVALID_INPUT, CLIENT_CLOSED_REQUEST, QUEUE_TIMEOUT, INFERENCE_FAILED,
   *   OUT_OF_MEMORY, WORKER_LOST, DRAINING
   */
  submit(request: BatchRequest, permit: Permit): Promise<BatchResult> {
    const batchable = this.#options.batchable && request.batchable !== false;
    if (batchable && request.rows > this.#options.maxBatchSize) {
      permit.release();
      return Promise.reject(
        new ServingError(
          'INVALID_INPUT',
          `The request has ${request.rows} rows; the model takes batches of ${this.#options.maxBatchSize} at the most`,
        ),
      );
    }
    return new Promise((resolve, reject) => {
      const now = performance.now();
      const timeoutMs = Math.min(request.timeoutMs ?? Infinity, this.#options.queueTimeoutMs);
      const queued: Queued = {
        groupKey: batchable ? groupKey(request) : `single ${String(this.#splits++)}`,
        batchable,
        // To the policy, a request that runs alone is a full batch: it waits for no company.
        rows: batchable ? request.rows : Infinity,
        queuedAt: now,
        timeoutMs,
        deadline: now + timeoutMs,
        request,
        permit,
        losses: 0,
        resolve,
        reject,
        onAbort: () => {
          this.#someoneLeft = true;
          this.poke();
        },
      };
      this.#enqueue([queued], 'tail');
    });
  }

  /** To be called when an instance has become free, come or gone. */
  poke(): void {
    if (this.#pumpQueued) return;
    this.#pumpQueued = true;
    // One step later: requests that arrive together then share the first batch.
    queueMicrotask(() => {
      this.#pumpQueued = false;
      this.#pump();
    });
  }

  /** Resolves once nothing is queued or running. */
  async idle(): Promise<void> {
    if (this.#queue.size === 0 && this.#running === 0) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Answers everything still queued with `error`. */
  rejectQueued(error: ServingError): void {
    for (const queued of this.#queue.removeWhere(() => true)) this.#settle(queued, error);
    this.#notifyIdle();
    // For its timer to be cleared.
    this.poke();
  }

  #enqueue(requests: readonly Queued[], where: 'head' | 'tail'): void {
    if (where === 'head') this.#queue.unshift(requests);
    else for (const queued of requests) this.#queue.push(queued);
    for (const queued of requests) {
      this.#earliestDeadline = Math.min(this.#earliestDeadline, queued.deadline);
      if (queued.request.signal?.aborted === true) this.#someoneLeft = true;
      queued.request.signal?.addEventListener('abort', queued.onAbort, { once: true });
    }
    this.poke();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    this.#dropGone();
    for (;;) {
      const now = performance.now();
      const decision = decideBatch(
        this.#queue.snapshot(this.#limit + 1),
        this.#executor.snapshot().map((slot) => ({
          ...slot,
          expectedEndAt: this.#estimates.expectedEndAt(slot.index),
        })),
        {
          maxBatchSize: this.#limit,
          maxQueueDelayMs: this.#options.maxQueueDelayMs,
          prefetchLeadMs: PREFETCH_LEAD_MS,
        },
        now,
      );
      if (decision.kind === 'wait') {
        this.#wakeAt(decision.at, now);
        return;
      }
      const requests = this.#queue.take(decision.group, decision.count);
      for (const queued of requests) this.#leaveQueue(queued);
      this.#running += 1;
      void this.#runBatch(requests, decision.slot).finally(() => {
        this.#running -= 1;
        this.#notifyIdle();
        this.poke();
      });
    }
  }

  #wakeAt(at: number | undefined, now: number): void {
    let wake = at ?? Infinity;
    if (this.#queue.size > 0) wake = Math.min(wake, this.#earliestDeadline);
    if (wake === Infinity) return;
    this.#timer = setTimeout(
      () => {
        this.#pump();
      },
      Math.max(1, Math.ceil(wake - now)),
    );
  }

  /** Requests that nobody waits for any more cost no GPU time. */
  #dropGone(): void {
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
    for (const queued of gone) {
      this.#settle(
        queued,
        queued.request.signal?.aborted === true
          ? new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request')
          : new ServingError(
              'QUEUE_TIMEOUT',
              `The request waited ${Math.round(queued.timeoutMs)} ms in the queue`,
              { retryAfterS: this.#secondsToEmpty() },
            ),
      );
    }
    this.#notifyIdle();
  }

  async #runBatch(requests: readonly Queued[], slot: number): Promise<void> {
    const cutAt = performance.now();
    const [first] = requests;
    if (first === undefined) return;
    const rows = requests.reduce((sum, { request }) => sum + request.rows, 0);
    const { allowedBatchSizes } = this.#options;
    const { batchable } = first;
    // Padding must not bring back a size that memory did not suffice for.
    const allowed = allowedBatchSizes.filter((size) => size <= this.#limit);
    const paddedRows = batchable ? paddedSize(rows, allowed) : rows;
    const { signature, outputs: names } = first.request;
    const kind = `${first.groupKey}*${String(paddedRows)}`;
    try {
      const batch = batchable
        ? assembleBatch(
            requests.map(({ request }) => request.inputs),
            paddedRows,
            this.#pool,
          )
        : ownStrings(first.request.inputs);
      const run = this.#executor.run(slot, {
        signature,
        ...batch,
        ...(names === undefined ? {} : { outputs: names }),
      });
      const assembleMs = performance.now() - cutAt;
      const finished = this.#estimates.begin(slot, kind);
      const { outputs, inferMs, buffers } = await run.finally(finished);
      const receivedAt = performance.now();
      this.#estimates.learn(kind, inferMs);
      this.#pool.give(buffers);
      const parts = batchable
        ? splitOutputs(
            outputs,
            requests.map(({ request }) => request.rows),
            paddedRows,
          )
        : [outputs];
      const splitMs = performance.now() - receivedAt;
      this.#events.onExecution?.({ rows, paddedRows, assembleMs, inferMs, splitMs });
      for (const [index, queued] of requests.entries()) {
        queued.resolve({
          outputs: parts[index] ?? [],
          queueMs: cutAt - queued.queuedAt,
          inferMs,
          batchRows: rows,
        });
      }
    } catch (thrown) {
      this.#afterFailure(requests, paddedRows, thrown);
    }
  }

  /** A failed batch is tried again in parts, so that only the request at fault fails. */
  #afterFailure(requests: readonly Queued[], paddedRows: number, thrown: unknown): void {
    const reason = messageOf(thrown);
    const batched = requests.every(({ batchable }) => batchable);
    if (batched && thrown instanceof RunFailedError && thrown.outOfMemory) {
      // Where the limit cannot fall further, only smaller parts can help.
      if (this.#lowerLimit(paddedRows, reason) && requests.length > 1) {
        this.#events.onSplit?.(requests.length, reason);
        this.#enqueue(requests, 'head');
        return;
      }
    }
    const { again, halves } = retryOf(requests, thrown);
    for (const queued of requests) {
      if (!again.includes(queued)) this.#settle(queued, errorOfRun(thrown));
    }
    if (again.length > 0 && requests.length > 1) this.#events.onSplit?.(again.length, reason);
    // Each is put at the head: the first half last.
    for (const half of [...halves].reverse()) {
      // A key of its own keeps the suspects from fresh requests and the halves from each other.
      const key = `retry ${String(this.#splits++)}`;
      for (const queued of half) queued.groupKey = key;
      this.#enqueue(half, 'head');
    }
  }

  /** @returns whether it was lowered */
  #lowerLimit(paddedRows: number, reason: string): boolean {
    const limit = Math.max(1, Math.min(this.#limit, Math.floor(paddedRows / 2)));
    if (limit >= this.#limit) return false;
    this.#limit = limit;
    this.#events.onLimitLowered?.(limit, reason);
    return true;
  }

  #leaveQueue(queued: Queued): void {
    queued.request.signal?.removeEventListener('abort', queued.onAbort);
    queued.permit.release();
  }

  #settle(queued: Queued, error: ServingError): void {
    this.#leaveQueue(queued);
    queued.reject(error);
  }

  #notifyIdle(): void {
    if (this.#queue.size > 0 || this.#running > 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  /** Whole seconds, at least 1, after which the present queue should be done. */
  #secondsToEmpty(): number {
    const instances = Math.max(1, this.#executor.snapshot().length);
    const batches = Math.ceil(this.admission.admitted / (this.#limit * instances));
    return Math.min(60, Math.max(1, Math.ceil((batches * this.#estimates.typicalMs) / 1000)));
  }
}
