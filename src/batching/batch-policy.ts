/**
 * When does a batch go, and with whom? A pure decision over what is queued, which instances have
 * room and the time; everything that acts on it is in dynamic-batcher.ts.
 */

export interface BatchPolicyOptions {
  /** Milliseconds the oldest request may wait for company although an instance is idle. */
  readonly maxQueueDelayMs: number;
  /**
   * Milliseconds before the expected end of a run at which a part-filled batch is posted behind
   * it. Full batches are posted as soon as there is room.
   */
  readonly prefetchLeadMs: number;
}

/** Requests that may share a batch: same signature, same dtypes, same shapes but for the rows. */
export interface GroupHead {
  readonly key: string;
  /** Time at which the oldest was queued, in ms. */
  readonly oldestAt: number;
  /** The next batch of it could not grow any more. */
  readonly full: boolean;
}

export interface QueueHeads {
  /** The group that has waited longest. */
  readonly oldest: GroupHead | undefined;
  /** Of those that are full, the one that has waited longest. */
  readonly oldestFull: GroupHead | undefined;
}

export interface SlotSnapshot {
  readonly index: number;
  /** Batches posted and not answered. */
  readonly inFlight: number;
  /** Time at which the running batch is expected to end, in ms; unknown before the first. */
  readonly expectedEndAt: number | undefined;
}

export type BatchDecision =
  | { readonly kind: 'cut'; readonly group: string; readonly slot: number }
  /** Nothing to do before `at` (ms) unless something changes; `undefined`: until then. */
  | { readonly kind: 'wait'; readonly at: number | undefined };

/** One batch runs and one waits behind it, so that an instance never waits for this thread. */
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
  { oldest, oldestFull }: QueueHeads,
  slots: readonly SlotSnapshot[],
  { maxQueueDelayMs, prefetchLeadMs }: BatchPolicyOptions,
  now: number,
): BatchDecision {
  if (oldest === undefined) return { kind: 'wait', at: undefined };
  const dueAt = oldest.oldestAt + maxQueueDelayMs;
  // Where the oldest may still wait, all others may.
  const due = oldest.full || now >= dueAt ? oldest : oldestFull;

  const idle = slots.find((slot) => slot.inFlight === 0);
  if (idle !== undefined) {
    return due === undefined
      ? { kind: 'wait', at: dueAt }
      : { kind: 'cut', group: due.key, slot: idle.index };
  }

  const roomy = soonest(slots.filter((slot) => slot.inFlight < MAX_IN_FLIGHT));
  if (roomy === undefined) return { kind: 'wait', at: undefined };
  const prefetchAt = (roomy.expectedEndAt ?? Infinity) - prefetchLeadMs;
  // Oldest first, also among full groups: a busy shape must not starve a rare one.
  const chosen = oldest.full ? oldest : now >= prefetchAt ? due : undefined;
  if (chosen !== undefined) return { kind: 'cut', group: chosen.key, slot: roomy.index };
  const at = Math.max(prefetchAt, due === undefined ? dueAt : 0);
  return { kind: 'wait', at: Number.isFinite(at) ? at : undefined };
}

function soonest(slots: readonly SlotSnapshot[]): SlotSnapshot | undefined {
  return slots.reduce<SlotSnapshot | undefined>(
    (first, slot) =>
      first === undefined || (slot.expectedEndAt ?? Infinity) < (first.expectedEndAt ?? Infinity)
        ? slot
        : first,
    undefined,
  );
}

/**
 * Rows to pad a batch to: the smallest allowed size that holds it, so that TensorFlow meets few
 * shapes; the rows themselves when none does.
 */
export function paddedSize(rows: number, allowedBatchSizes: readonly number[]): number {
  return allowedBatchSizes.find((size) => size >= rows) ?? rows;
}
