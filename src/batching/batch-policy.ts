/**
 * When does a batch go, and with whom? A pure decision over what is queued, which instances have
 * room and the time; everything that acts on it is in dynamic-batcher.ts.
 */

export interface BatchPolicyOptions {
  /** Rows in a batch at the most. */
  readonly maxBatchSize: number;
  /** Milliseconds the oldest request may wait for company although an instance is idle. */
  readonly maxQueueDelayMs: number;
  /**
   * Milliseconds before the expected end of a run at which a part-filled batch is posted behind
   * it. Full batches are posted as soon as there is room.
   */
  readonly prefetchLeadMs: number;
}

/** Requests that may share a batch: same signature, same dtypes, same shapes but for the rows. */
export interface GroupSnapshot {
  readonly key: string;
  /** Rows of each queued request, oldest first. */
  readonly rows: readonly number[];
  /** Time at which the oldest was queued, in ms. */
  readonly oldestAt: number;
}

export interface SlotSnapshot {
  readonly index: number;
  /** Batches posted and not answered. */
  readonly inFlight: number;
  /** Time at which the running batch is expected to end, in ms; unknown before the first. */
  readonly expectedEndAt: number | undefined;
}

export type BatchDecision =
  | {
      readonly kind: 'cut';
      readonly group: string;
      /** Requests to take from the head of the group. */
      readonly count: number;
      readonly slot: number;
    }
  /** Nothing to do before `at` (ms) unless something changes; `undefined`: until then. */
  | { readonly kind: 'wait'; readonly at: number | undefined };

/** One batch runs and one waits behind it, so that a worker never waits for this thread. */
const MAX_IN_FLIGHT = 2;

/**
 * Decides the next step. Called again after every cut, so it cuts one batch at a time.
 *
 * - An idle instance takes the oldest group, at once or when the group is full or has waited
 *   `maxQueueDelayMs`.
 * - A busy instance with room is given a full batch at once, and a part-filled one shortly before
 *   its run ends: earlier would freeze a small batch that could still grow.
 */
export function decideBatch(
  groups: readonly GroupSnapshot[],
  slots: readonly SlotSnapshot[],
  options: BatchPolicyOptions,
  now: number,
): BatchDecision {
  const waiting = groups.filter((group) => group.rows.length > 0);
  if (waiting.length === 0) return { kind: 'wait', at: undefined };
  const candidates = waiting
    .map((group) => ({ group, ...fill(group.rows, options.maxBatchSize) }))
    .sort((a, b) => a.group.oldestAt - b.group.oldestAt);
  const due = candidates.find(
    ({ full, group }) => full || now - group.oldestAt >= options.maxQueueDelayMs,
  );
  const firstDueAt = Math.min(
    ...candidates.map(({ group }) => group.oldestAt + options.maxQueueDelayMs),
  );

  const idle = slots.find((slot) => slot.inFlight === 0);
  if (idle !== undefined) {
    return due === undefined
      ? { kind: 'wait', at: firstDueAt }
      : { kind: 'cut', group: due.group.key, count: due.count, slot: idle.index };
  }

  const roomy = slots
    .filter((slot) => slot.inFlight < MAX_IN_FLIGHT)
    .sort((a, b) => (a.expectedEndAt ?? Infinity) - (b.expectedEndAt ?? Infinity))[0];
  if (roomy === undefined) return { kind: 'wait', at: undefined };
  const prefetchAt = (roomy.expectedEndAt ?? Infinity) - options.prefetchLeadMs;
  // Oldest first, also among full groups: a busy shape must not starve a rare one.
  const prefetched = candidates[0]?.full === true ? candidates[0] : undefined;
  const chosen = prefetched ?? (now >= prefetchAt ? due : undefined);
  if (chosen !== undefined) {
    return { kind: 'cut', group: chosen.group.key, count: chosen.count, slot: roomy.index };
  }
  const at = Math.max(prefetchAt, due === undefined ? firstDueAt : 0);
  return { kind: 'wait', at: Number.isFinite(at) ? at : undefined };
}

/**
 * How many requests from the head fit in one batch, and whether the batch could not grow any
 * more. A request larger than the limit goes alone: it was admitted before the limit was lowered.
 */
function fill(rows: readonly number[], maxBatchSize: number): { count: number; full: boolean } {
  let total = 0;
  let count = 0;
  for (const own of rows) {
    if (count > 0 && total + own > maxBatchSize) return { count, full: true };
    total += own;
    count += 1;
    if (total >= maxBatchSize) return { count, full: true };
  }
  return { count, full: false };
}

/**
 * Rows to pad a batch to: the smallest allowed size that holds it, so that TensorFlow meets few
 * shapes; the rows themselves when none does.
 */
export function paddedSize(rows: number, allowedBatchSizes: readonly number[]): number {
  return allowedBatchSizes.find((size) => size >= rows) ?? rows;
}
