import { messageOf, ServingError } from '../kernel/errors';
import { Admission, type Permit } from './admission';
import type { BatcherEvents, BatchExecutor } from './batch-executor';
import { BatchLimits, type BatchKind } from './batch-limits';
import { decideBatch } from './batch-policy';
import { groupKey, inputBytes, type BatchRequest, type BatchResult } from './batch-request';
import { runBatch } from './batch-run';
import type { BatchingOptions } from './batching-options';
import { lacksMemory, verdictOn, type Retriable } from './failed-run';
import { RequestQueue, type Queueable } from './request-queue';
import { RunEstimates } from './run-estimates';
import type { RunMemoryBudget } from './run-memory-budget';

interface Queued extends Queueable, Retriable {
  groupKey: string;
  readonly kind: BatchKind;
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
  readonly #budget: RunMemoryBudget | undefined;
  readonly #limits: BatchLimits;
  readonly #queue: RequestQueue<Queued>;
  readonly #estimates = new RunEstimates();
  readonly #idleWaiters: (() => void)[] = [];
  readonly #stopListening: (() => void) | undefined;
  /** Rows of the last group that was cut. */
  #limit: number;
  /** No deadline in the queue is earlier, so that most of the time nobody has to look through it. */
  #earliestDeadline = Infinity;
  /** Whether a client has gone since the queue was looked through. */
  #someoneLeft = false;
  /** Whether a group waits for memory. */
  #isParked = false;
  #running = 0;
  #splits = 0;
  #timer: NodeJS.Timeout | undefined;
  #pumpQueued = false;

  /** @param budget of memory that runs of all models share; absent where runs take none of it */
  constructor(
    options: BatchingOptions,
    executor: BatchExecutor,
    events: BatcherEvents = {},
    budget?: RunMemoryBudget,
  ) {
    this.#options = options;
    this.#executor = executor;
    this.#events = events;
    this.#budget = budget;
    this.#limit = options.maxBatchSize;
    this.#limits = new BatchLimits({
      batching: options,
      budget,
      headroomBytes: () => executor.headroomBytes ?? Infinity,
    });
    this.#queue = new RequestQueue((queued) =>
      queued.batchable ? this.#limits.rowsOf(queued.kind) : 1,
    );
    this.admission = new Admission({
      limit: options.maxQueueSize,
      retryAfterS: () => this.#secondsToEmpty(),
    });
    this.#stopListening = budget?.onRoom(() => {
      if (this.#isParked) this.poke();
    });
  }

  /** Requests waiting for a batch. */
  get queueDepth(): number {
    return this.#queue.size;
  }

  /** Rows a batch may have now; lower than configured where memory does not suffice for more. */
  get batchLimit(): number {
    return this.#limit;
  }

  /**
   * Queues a request. The permit is released when the request leaves the queue.
   * @throws ServingError INVALID_INPUT, CLIENT_CLOSED_REQUEST, QUEUE_TIMEOUT, INFERENCE_FAILED,
   *   OUT_OF_MEMORY, MODEL_OUT_OF_MEMORY, MODEL_CRASHED, DRAINING
   */
  submit(request: BatchRequest, permit: Permit): Promise<BatchResult> {
    const batchable = this.#options.batchable && request.batchable !== false;
    if (batchable && request.rows > this.#options.maxBatchSize) {
      permit.release();
      return Promise.reject(
        new ServingError(
          'INVALID_INPUT',
          `The request has ${request.rows} rows; the model takes batches of at most ${this.#options.maxBatchSize}`,
        ),
      );
    }
    return new Promise((resolve, reject) => {
      const now = performance.now();
      const timeoutMs = Math.min(request.timeoutMs ?? Infinity, this.#options.queueTimeoutMs);
      const kind = kindOf(request);
      const queued: Queued = {
        // What runs alone is a batch of its own, which waits for no company.
        groupKey: batchable ? kind.key : `single ${String(this.#splits++)}`,
        kind,
        batchable,
        rows: request.rows,
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

  /** What a run took that was not the batcher's own, such as one to warm up. */
  learnMemory(
    run: Pick<BatchRequest, 'signature' | 'inputs' | 'outputs'> & { readonly rows: number },
    takenBytes: number,
  ): void {
    this.#limits.learn(kindOf(run), run.rows, takenBytes);
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

  /** To be called when nothing will be submitted any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#stopListening?.();
    this.#budget?.forget(this);
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
    if (this.#isParked) this.#queue.unpark();
    let isParked = false;
    for (;;) {
      const now = performance.now();
      const decision = decideBatch(
        this.#queue.heads(),
        this.#executor.snapshot().map((slot) => ({
          ...slot,
          expectedEndAt: this.#estimates.expectedEndAt(slot.index),
        })),
        { maxQueueDelayMs: this.#options.maxQueueDelayMs, prefetchLeadMs: PREFETCH_LEAD_MS },
        now,
      );
      if (decision.kind === 'wait') {
        this.#wakeAt(decision.at, now);
        break;
      }
      if (!this.#cut(decision.group, decision.slot)) {
        isParked = true;
        this.#queue.park(decision.group);
      }
    }
    this.#isParked = isParked;
    if (!isParked) this.#budget?.forget(this);
  }

  /**
   * Takes a batch from the queue and runs it.
   * @returns false when memory has to become free first
   */
  #cut(group: string, slot: number): boolean {
    const candidates = this.#queue.peek(group);
    const [first] = candidates;
    if (first === undefined) throw new RangeError('only a group that waits can be cut');
    const { kind, batchable } = first;
    const rows = candidates.reduce((sum, { request }) => sum + request.rows, 0);
    const paddedRows = batchable ? this.#limits.paddedRows(rows, kind) : rows;
    const giveBack = this.#budget?.take(this.#limits.estimate(kind, paddedRows), this);
    if (this.#budget !== undefined && giveBack === undefined) return false;
    if (batchable) this.#limit = this.#limits.rowsOf(kind);
    const requests = this.#queue.take(group);
    for (const queued of requests) this.#leaveQueue(queued);
    this.#running += 1;
    void this.#run(requests, paddedRows, slot).finally(() => {
      this.#running -= 1;
      giveBack?.();
      this.#notifyIdle();
      this.poke();
    });
    return true;
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

  async #run(requests: readonly Queued[], paddedRows: number, slot: number): Promise<void> {
    const cutAt = performance.now();
    const [first] = requests;
    if (first === undefined) return;
    const { kind, batchable } = first;
    const finished = this.#estimates.begin(slot, `${kind.key}*${String(paddedRows)}`);
    try {
      const { parts, peakBytes, ...execution } = await runBatch(this.#executor, {
        requests: requests.map(({ request }) => request),
        batchable,
        paddedRows,
        slot,
        measure: this.#limits.shouldMeasure(kind),
      }).finally(finished);
      const { inferMs, rows } = execution;
      this.#estimates.learn(`${kind.key}*${String(paddedRows)}`, inferMs);
      if (peakBytes !== undefined && this.#limits.learn(kind, paddedRows, peakBytes)) {
        this.#queue.refreshLimits();
      }
      this.#events.onExecution?.(execution);
      for (const [index, queued] of requests.entries()) {
        const queueMs = cutAt - queued.queuedAt;
        queued.resolve({ outputs: parts[index] ?? [], queueMs, inferMs, batchRows: rows });
      }
    } catch (thrown) {
      this.#afterFailure(requests, paddedRows, thrown);
    }
  }

  #afterFailure(requests: readonly Queued[], paddedRows: number, thrown: unknown): void {
    const reason = messageOf(thrown);
    const [first] = requests;
    if (first === undefined) return;
    if (first.batchable && lacksMemory(thrown) && this.#limits.lower(first.kind, paddedRows)) {
      this.#limit = this.#limits.rowsOf(first.kind);
      this.#queue.refreshLimits();
      this.#events.onLimitLowered?.(this.#limit, reason);
      if (requests.length > 1) {
        // Cut anew, they make as few batches as the limit allows.
        this.#events.onSplit?.(requests.length, reason);
        this.#enqueue(requests, 'head');
        return;
      }
    }
    const { again, apart, failed } = verdictOn(requests, thrown);
    for (const { request, error } of failed) this.#settle(request, error);
    const count = again.reduce((sum, part) => sum + part.length, 0);
    if (count > 0 && requests.length > 1 && apart) this.#events.onSplit?.(count, reason);
    for (const part of again) {
      // A key of its own keeps the suspects from fresh requests and the parts from each other.
      const key = apart ? `retry ${String(this.#splits++)}` : undefined;
      if (key !== undefined) for (const queued of part) queued.groupKey = key;
      this.#enqueue(part, 'head');
    }
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

function kindOf(
  request: Pick<BatchRequest, 'signature' | 'inputs' | 'outputs'> & { readonly rows: number },
): BatchKind {
  return {
    key: groupKey(request),
    rowBytes: inputBytes(request.inputs) / Math.max(1, request.rows),
  };
}
