import { messageOf, ServingError } from '../kernel/errors';
import { Admission, type Permit } from './admission';
import { RowMismatchError } from './assemble';
import type { BatcherEvents, BatchExecutor } from './batch-executor';
import { BatchLimits, type BatchKind } from './batch-limits';
import { decideBatch } from './batch-policy';
import { groupKey, inputBytes, type BatchRequest, type BatchResult } from './batch-request';
import { runBatch } from './batch-run';
import type { BatchingOptions } from './batching-options';
import { lacksMemory, oneByOne, verdictOn } from './failed-run';
import { RunEstimates } from './run-estimates';
import type { RunMemoryBudget } from './run-memory-budget';
import { Utilization } from './utilization';
import { WaitingRequests, type QueuedRequest } from './waiting-requests';

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
  readonly #waiting: WaitingRequests;
  readonly #estimates = new RunEstimates();
  readonly #utilization = new Utilization();
  /** See `stopped`. */
  readonly #stopped = new Map<string, string>();
  readonly #idleWaiters: (() => void)[] = [];
  readonly #stopListening: (() => void) | undefined;
  /** Rows that a batch of the last group may have. */
  #limit: number;
  /** Whether a group waits for memory. */
  #isParked = false;
  #running = 0;
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
    const retryAfterS = (): number => this.#secondsToEmpty();
    this.#waiting = new WaitingRequests({
      // What runs alone is a full batch: it waits for no company.
      limitOf: ({ batchable, kind }) => (batchable ? this.#limits.rowsOf(kind) : 1),
      onLeft: () => {
        this.poke();
      },
      retryAfterS,
    });
    this.admission = new Admission({ limit: options.maxQueueSize, retryAfterS });
    this.#stopListening = budget?.onRoom(() => {
      if (this.#isParked) this.poke();
    });
  }

  /** Requests waiting for a batch. */
  get queueDepth(): number {
    return this.#waiting.size;
  }

  /** Rows a batch may have now; lower than configured where memory does not suffice for more. */
  get batchLimit(): number {
    return this.#limit;
  }

  /** Share of the instances that were busy lately, 0 to 1. */
  get utilization(): number {
    return this.#utilization.at(this.#executor.snapshot().length, performance.now());
  }

  /**
   * Milliseconds that a request which comes now would wait for its run, as far as can be told: what is
   * admitted makes batches of the size that there may be, each takes as long as runs have taken, and the
   * first begins when an instance is free.
   */
  get estimatedWaitMs(): number {
    const slots = this.#executor.snapshot();
    const { typicalMs } = this.#estimates;
    const now = performance.now();
    const left = slots.map(({ index, inFlight }) => {
      if (inFlight === 0) return 0;
      const end = this.#estimates.expectedEndAt(index) ?? now + typicalMs;
      return Math.max(0, end - now) + (inFlight - 1) * typicalMs;
    });
    return timeOfBatch(Math.floor(this.admission.admitted / this.#limit), left, typicalMs);
  }

  /** Signatures whose requests run one by one since an answer had other rows than the inputs; why. */
  get stopped(): ReadonlyMap<string, string> {
    return this.#stopped;
  }

  /**
   * Queues a request. The permit is released when the request leaves the queue.
   * @throws ServingError INVALID_INPUT, CLIENT_CLOSED_REQUEST, QUEUE_TIMEOUT, INFERENCE_FAILED,
   *   OUT_OF_MEMORY, MODEL_OUT_OF_MEMORY, MODEL_CRASHED, DRAINING
   */
  submit(request: BatchRequest, permit: Permit): Promise<BatchResult> {
    const { batchable: allowed, maxBatchSize, queueTimeoutMs } = this.#options;
    const batchable =
      allowed && request.batchable !== false && !this.#stopped.has(request.signature);
    if (batchable && request.rows > maxBatchSize) {
      permit.release();
      return Promise.reject(
        new ServingError(
          'INVALID_INPUT',
          `The request has ${request.rows} rows; the model takes batches of at most ${maxBatchSize}`,
        ),
      );
    }
    const trace = this.#events.tracer?.enter();
    return new Promise((resolve, reject) => {
      const now = performance.now();
      const timeoutMs = Math.min(request.timeoutMs ?? Infinity, queueTimeoutMs);
      const kind = kindOf(request);
      const queued: QueuedRequest = {
        groupKey: kind.key,
        kind,
        batchable,
        rows: request.rows,
        queuedAt: now,
        timeoutMs,
        deadline: now + timeoutMs,
        request,
        permit,
        trace,
        losses: 0,
        resolve,
        reject:
          trace === undefined
            ? reject
            : (error) => {
                trace.rejected(error);
                reject(error);
              },
        onAbort: undefined,
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
    if (this.#waiting.size === 0 && this.#running === 0) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Answers everything still queued with `error`. */
  rejectQueued(error: ServingError): void {
    this.#waiting.rejectAll(error);
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

  #enqueue(requests: readonly QueuedRequest[], where: 'head' | 'tail'): void {
    if (this.#events.tracer !== undefined) for (const { trace } of requests) trace?.queued();
    this.#waiting.add(requests, where);
    this.poke();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    this.#waiting.dropGone();
    this.#notifyIdle();
    if (this.#isParked) this.#waiting.unpark();
    let isParked = false;
    for (;;) {
      const now = performance.now();
      const decision = decideBatch(
        this.#waiting.heads,
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
        this.#waiting.park(decision.group);
      }
    }
    this.#isParked = isParked;
    if (!isParked) this.#budget?.forget(this);
  }

  #wakeAt(at: number | undefined, now: number): void {
    const wake = Math.min(at ?? Infinity, this.#waiting.earliestDeadline);
    if (wake === Infinity) return;
    const pump = (): void => {
      this.#pump();
    };
    this.#timer = setTimeout(pump, Math.max(1, Math.ceil(wake - now)));
  }

  /**
   * Takes a batch from the queue and runs it.
   * @returns false when memory has to become free first
   */
  #cut(group: string, slot: number): boolean {
    const candidates = this.#waiting.peek(group);
    const [first] = candidates;
    if (first === undefined) throw new RangeError('only a group that waits can be cut');
    const { kind, batchable } = first;
    const rows = candidates.reduce((sum, { request }) => sum + request.rows, 0);
    const paddedRows = batchable ? this.#limits.paddedRows(rows, kind) : rows;
    const giveBack = this.#budget?.take(this.#limits.estimate(kind, paddedRows), this);
    if (this.#budget !== undefined && giveBack === undefined) return false;
    if (batchable) this.#limit = this.#limits.rowsOf(kind);
    this.#running += 1;
    void this.#run(this.#waiting.take(group), paddedRows, slot).finally(() => {
      this.#running -= 1;
      giveBack?.();
      this.#notifyIdle();
      this.poke();
    });
    return true;
  }

  async #run(requests: readonly QueuedRequest[], paddedRows: number, slot: number): Promise<void> {
    const cutAt = performance.now();
    const [first] = requests;
    if (first === undefined) return;
    const { kind, batchable } = first;
    const estimated = `${kind.key}*${String(paddedRows)}`;
    const estimate = this.#estimates.begin(slot, estimated);
    const instances = (): number => this.#executor.snapshot().length;
    const busy = this.#utilization.begin(slot, instances(), cutAt);
    const finished = (): void => {
      estimate();
      busy(instances(), performance.now());
    };
    const traced = this.#events.tracer?.run(
      requests.map(({ trace }) => trace),
      { rows: requests.reduce((sum, { request }) => sum + request.rows, 0), paddedRows },
    );
    try {
      const { parts, mismatch, peakBytes, ...execution } = await runBatch(this.#executor, {
        requests: requests.map(({ request }) => request),
        batchable,
        paddedRows,
        slot,
        measure: this.#limits.shouldMeasure(kind),
      }).finally(finished);
      traced?.();
      const { inferMs, rows } = execution;
      this.#estimates.learn(estimated, inferMs);
      if (peakBytes !== undefined && this.#limits.learn(kind, paddedRows, peakBytes)) {
        this.#waiting.refreshLimits();
      }
      this.#events.onExecution?.(execution);
      if (mismatch !== undefined) this.#stopBatching(first.request.signature, mismatch);
      for (const [index, { queuedAt, resolve }] of requests.entries()) {
        resolve({
          outputs: parts[index] ?? [],
          queueMs: cutAt - queuedAt,
          inferMs,
          batchRows: rows,
          rowsMatch: mismatch === undefined,
        });
      }
    } catch (thrown) {
      traced?.(thrown);
      this.#afterFailure(requests, paddedRows, thrown);
    }
  }

  #afterFailure(requests: readonly QueuedRequest[], paddedRows: number, thrown: unknown): void {
    const reason = messageOf(thrown);
    const [first] = requests;
    if (first === undefined) return;
    if (first.batchable && lacksMemory(thrown) && this.#limits.lower(first.kind, paddedRows)) {
      this.#limit = this.#limits.rowsOf(first.kind);
      this.#waiting.refreshLimits();
      this.#events.onLimitLowered?.(this.#limit, reason);
      if (requests.length > 1) {
        // Cut anew, they make as few batches as the limit allows.
        this.#events.onSplit?.(requests.length, reason);
        this.#enqueue(requests, 'head');
        return;
      }
    }
    const isMismatch = thrown instanceof RowMismatchError;
    if (isMismatch) {
      this.#stopBatching(first.request.signature, thrown);
      for (const queued of requests) queued.batchable = false;
    }
    const { again, apart, failed } = isMismatch ? oneByOne(requests) : verdictOn(requests, thrown);
    for (const { request, error } of failed) this.#waiting.reject(request, error);
    const count = again.reduce((sum, part) => sum + part.length, 0);
    if (count > 0 && requests.length > 1 && apart) this.#events.onSplit?.(count, reason);
    for (const part of again) {
      // The suspects are kept from fresh requests, and the parts from each other.
      if (apart) this.#waiting.setApart(part);
      this.#enqueue(part, 'head');
    }
  }

  #stopBatching(signature: string, { message }: RowMismatchError): void {
    if (this.#stopped.has(signature)) return;
    this.#stopped.set(signature, message);
    this.#events.onBatchingStopped?.(signature, message);
    this.#waiting.separate(signature);
  }

  #notifyIdle(): void {
    if (this.#waiting.size > 0 || this.#running > 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  /** Whole seconds, at least 1, after which the present queue should be done. */
  #secondsToEmpty(): number {
    const instances = Math.max(1, this.#executor.snapshot().length);
    const batches = Math.ceil(this.admission.admitted / (this.#limit * instances));
    return Math.min(60, Math.max(1, Math.ceil((batches * this.#estimates.typicalMs) / 1000)));
  }
}

/** When the instances get to a batch, `ahead` others before it. @param free when each is free */
function timeOfBatch(ahead: number, free: readonly number[], batchMs: number): number {
  if (free.length === 0) return (ahead + 1) * batchMs;
  const sorted = [...free].sort((a, b) => a - b);
  const round = Math.floor(ahead / sorted.length);
  return (sorted[ahead % sorted.length] ?? 0) + round * batchMs;
}

function kindOf(
  request: Pick<BatchRequest, 'signature' | 'inputs' | 'outputs'> & { readonly rows: number },
): BatchKind {
  return {
    key: groupKey(request),
    rowBytes: inputBytes(request.inputs) / Math.max(1, request.rows),
  };
}
