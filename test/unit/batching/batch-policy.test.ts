import fc from 'fast-check';

import {
  decideBatch,
  paddedSize,
  type BatchDecision,
  type BatchPolicyOptions,
  type SlotSnapshot,
} from '../../../src/batching/batch-policy';
import { RequestQueue, type Queueable } from '../../../src/batching/request-queue';

interface Group {
  readonly key: string;
  /** Rows of each queued request, oldest first. */
  readonly rows: readonly number[];
  readonly oldestAt: number;
}

type Options = BatchPolicyOptions & { readonly maxBatchSize: number };

const OPTIONS: Options = { maxBatchSize: 4, maxQueueDelayMs: 0, prefetchLeadMs: 5 };

function group(key: string, rows: readonly number[], oldestAt = 0): Group {
  return { key, rows, oldestAt };
}

/** What is decided over a queue of such groups, and how many requests it takes. */
function decide(
  groups: readonly Group[],
  slots: readonly SlotSnapshot[],
  { maxBatchSize, ...options }: Options,
  now: number,
): BatchDecision & { count?: number } {
  const queue = new RequestQueue<Queueable>(() => maxBatchSize);
  for (const { key, rows, oldestAt } of groups) {
    for (const own of rows) queue.push({ groupKey: key, rows: own, queuedAt: oldestAt });
  }
  const decision = decideBatch(queue.heads(), slots, options, now);
  if (decision.kind === 'wait') return decision;
  return { ...decision, count: queue.peek(decision.group).length };
}

function slot(index: number, inFlight: number, expectedEndAt?: number): SlotSnapshot {
  return { index, inFlight, expectedEndAt };
}

const IDLE = slot(0, 0);

test('nothing queued means nothing to do until something changes', () => {
  expect(decide([], [IDLE], OPTIONS, 0)).toEqual({ kind: 'wait', at: undefined });
  expect(decide([group('a', [])], [IDLE], OPTIONS, 0)).toEqual({
    kind: 'wait',
    at: undefined,
  });
});

test('without an instance nothing is cut', () => {
  expect(decide([group('a', [1])], [], OPTIONS, 0)).toEqual({ kind: 'wait', at: undefined });
});

test('an idle instance takes what there is at once when there is no delay', () => {
  expect(decide([group('a', [1, 1])], [slot(7, 0)], OPTIONS, 0)).toEqual({
    kind: 'cut',
    group: 'a',
    count: 2,
    slot: 7,
  });
});

test('a part-filled batch waits on an idle instance until its oldest request is due', () => {
  const options = { ...OPTIONS, maxQueueDelayMs: 10 };
  const groups = [group('a', [1, 1], 100)];

  expect(decide(groups, [IDLE], options, 105)).toEqual({ kind: 'wait', at: 110 });
  expect(decide(groups, [IDLE], options, 110)).toMatchObject({ kind: 'cut', count: 2 });
});

test('a full batch waits for no delay', () => {
  const options = { ...OPTIONS, maxQueueDelayMs: 1000 };

  expect(decide([group('a', [1, 1, 1, 1, 1])], [IDLE], options, 0)).toMatchObject({
    kind: 'cut',
    count: 4,
  });
});

test('a batch that the next request does not fit into is full', () => {
  const options = { ...OPTIONS, maxQueueDelayMs: 1000 };

  expect(decide([group('a', [3, 2])], [IDLE], options, 0)).toMatchObject({
    kind: 'cut',
    count: 1,
  });
});

test('a request larger than the limit goes alone', () => {
  expect(decide([group('a', [9, 1])], [IDLE], OPTIONS, 0)).toMatchObject({
    kind: 'cut',
    count: 1,
  });
});

test('the oldest group goes first whatever its place in the list', () => {
  const groups = [group('young', [1], 50), group('old', [1], 20)];

  expect(decide(groups, [IDLE], OPTIONS, 60)).toMatchObject({ group: 'old' });
});

test('a full group passes an older one that still waits for company', () => {
  const options = { ...OPTIONS, maxQueueDelayMs: 100 };
  const groups = [group('old', [1], 0), group('full', [4], 10)];

  expect(decide(groups, [IDLE], options, 20)).toMatchObject({ kind: 'cut', group: 'full' });
});

test('an idle instance is preferred to a busy one with room', () => {
  expect(decide([group('a', [4])], [slot(0, 1, 1), slot(1, 0)], OPTIONS, 0)).toMatchObject({
    slot: 1,
  });
});

test('a full batch is posted behind a running one at once', () => {
  expect(decide([group('a', [4])], [slot(0, 1, 1000)], OPTIONS, 0)).toEqual({
    kind: 'cut',
    group: 'a',
    count: 1,
    slot: 0,
  });
});

test('a part-filled batch is posted shortly before the running one ends', () => {
  const groups = [group('a', [1])];
  const slots = [slot(0, 1, 1000)];

  expect(decide(groups, slots, OPTIONS, 994)).toEqual({ kind: 'wait', at: 995 });
  expect(decide(groups, slots, OPTIONS, 995)).toMatchObject({ kind: 'cut', slot: 0 });
});

test('a part-filled batch that is not due is not posted behind a running one either', () => {
  const options = { ...OPTIONS, maxQueueDelayMs: 50 };

  expect(decide([group('a', [1], 990)], [slot(0, 1, 1000)], options, 996)).toEqual({
    kind: 'wait',
    at: 1040,
  });
});

test('while the end of a run is unknown a part-filled batch stays in the queue', () => {
  expect(decide([group('a', [1])], [slot(0, 1)], OPTIONS, 0)).toEqual({
    kind: 'wait',
    at: undefined,
  });
});

test('of several busy instances the one that ends first is given the batch', () => {
  const slots = [slot(0, 1, 300), slot(1, 1, 100), slot(2, 1)];

  expect(decide([group('a', [4])], slots, OPTIONS, 0)).toMatchObject({ slot: 1 });
});

test('a full group behind an older part-filled one is not prefetched before it', () => {
  const groups = [group('old', [1], 0), group('full', [4], 10)];

  expect(decide(groups, [slot(0, 1, 1000)], OPTIONS, 20)).toEqual({ kind: 'wait', at: 995 });
  expect(decide(groups, [slot(0, 1, 1000)], OPTIONS, 995)).toMatchObject({ group: 'old' });
});

test('nothing is posted where two batches are in flight', () => {
  expect(decide([group('a', [4])], [slot(0, 2, 0), slot(1, 2)], OPTIONS, 9)).toEqual({
    kind: 'wait',
    at: undefined,
  });
});

describe('for any state', () => {
  const NOW = 1000;
  const groups = fc
    .array(
      fc.record({
        rows: fc.array(fc.integer({ min: 1, max: 10 }), { maxLength: 12 }),
        oldestAt: fc.integer({ min: 0, max: NOW }),
      }),
      { maxLength: 5 },
    )
    .map((list) => list.map((entry, i) => ({ key: `group ${i}`, ...entry })));
  const slots = fc
    .array(
      fc.record({
        inFlight: fc.integer({ min: 0, max: 2 }),
        expectedEndAt: fc.option(fc.integer({ min: 0, max: 2 * NOW }), { nil: undefined }),
      }),
      { maxLength: 4 },
    )
    .map((list) => list.map((entry, index) => ({ index, ...entry })));
  const options = fc.record({
    maxBatchSize: fc.integer({ min: 1, max: 16 }),
    maxQueueDelayMs: fc.integer({ min: 0, max: 500 }),
    prefetchLeadMs: fc.integer({ min: 0, max: 20 }),
  });
  const total = (rows: readonly number[]) => rows.reduce((sum, own) => sum + own, 0);

  test('a cut takes requests of one group, within the limit unless one alone is larger', () => {
    fc.assert(
      fc.property(groups, slots, options, (groups, slots, options) => {
        const decision = decide(groups, slots, options, NOW);
        if (decision.kind === 'wait') return;
        const cut = groups.find(({ key }) => key === decision.group);
        const { count = 0 } = decision;
        expect(count).toBeGreaterThan(0);
        expect(count).toBeLessThanOrEqual(cut?.rows.length ?? 0);
        const rows = total(cut?.rows.slice(0, count) ?? []);
        if (count > 1) expect(rows).toBeLessThanOrEqual(options.maxBatchSize);
      }),
    );
  });

  test('a cut is for an instance with fewer than two batches, an idle one if there is any', () => {
    fc.assert(
      fc.property(groups, slots, options, (groups, slots, options) => {
        const decision = decide(groups, slots, options, NOW);
        if (decision.kind === 'wait') return;
        const idle = slots.some(({ inFlight }) => inFlight === 0);
        expect(slots[decision.slot]?.inFlight).toBeLessThan(idle ? 1 : 2);
      }),
    );
  });

  test('without a delay the oldest group is cut, and an idle instance never waits', () => {
    fc.assert(
      fc.property(groups, slots, options, (groups, slots, options) => {
        const decision = decide(groups, slots, { ...options, maxQueueDelayMs: 0 }, NOW);
        const waiting = groups.filter(({ rows }) => rows.length > 0);
        if (decision.kind === 'cut') {
          const cut = groups.find(({ key }) => key === decision.group);
          expect(cut?.oldestAt).toBe(Math.min(...waiting.map(({ oldestAt }) => oldestAt)));
        } else if (waiting.length > 0) {
          expect(slots.filter(({ inFlight }) => inFlight === 0)).toEqual([]);
        }
      }),
    );
  });

  test('a group that has waited its delay is passed by no younger one', () => {
    fc.assert(
      fc.property(groups, slots, options, (groups, slots, options) => {
        const decision = decide(groups, slots, options, NOW);
        if (decision.kind === 'wait') return;
        const cut = groups.find(({ key }) => key === decision.group);
        const passed = groups.filter(
          ({ rows, oldestAt }) =>
            rows.length > 0 &&
            oldestAt < (cut?.oldestAt ?? 0) &&
            NOW - oldestAt >= options.maxQueueDelayMs,
        );
        expect(passed).toEqual([]);
      }),
    );
  });

  test('a wait ends after now, and then something is cut', () => {
    fc.assert(
      fc.property(groups, slots, options, (groups, slots, options) => {
        const decision = decide(groups, slots, options, NOW);
        if (decision.kind === 'cut' || decision.at === undefined) return;
        expect(decision.at).toBeGreaterThan(NOW);
        expect(decide(groups, slots, options, decision.at).kind).toBe('cut');
      }),
    );
  });

  test('acting on the decisions drains the queue, each group in its order', () => {
    fc.assert(
      fc.property(groups, fc.integer({ min: 1, max: 3 }), options, (start, instances, options) => {
        const queue = new Map(start.map(({ key, rows }) => [key, [...rows]]));
        const inFlight = Array.from({ length: instances }, () => 0);
        const requests = total(start.map(({ rows }) => rows.length));
        let now = NOW;
        let cuts = 0;
        // Every step but a wait cuts a request or ends a run, and no two waits follow each other.
        for (let step = 0; step < 4 * requests + 4; step++) {
          const decision = decide(
            start.map((entry) => ({ ...entry, rows: queue.get(entry.key) ?? [] })),
            inFlight.map((count, index) => ({ index, inFlight: count, expectedEndAt: undefined })),
            options,
            now,
          );
          if (decision.kind === 'cut') {
            queue.get(decision.group)?.splice(0, decision.count);
            inFlight[decision.slot] = (inFlight[decision.slot] ?? 0) + 1;
            cuts += 1;
            continue;
          }
          now = decision.at ?? now;
          const busy = inFlight.findIndex((count) => count > 0);
          if (busy >= 0) inFlight[busy] = (inFlight[busy] ?? 1) - 1;
        }
        expect(total([...queue.values()].map((rows) => rows.length))).toBe(0);
        expect(cuts).toBeLessThanOrEqual(requests);
      }),
    );
  });
});

describe('paddedSize', () => {
  test.each([
    [1, 1],
    [2, 2],
    [3, 4],
    [4, 4],
    [5, 8],
    [8, 8],
  ])('%p rows are padded to %p', (rows, padded) => {
    expect(paddedSize(rows, [1, 2, 4, 8])).toBe(padded);
  });

  test('rows that no allowed size holds stay as they are', () => {
    expect(paddedSize(9, [1, 2, 4, 8])).toBe(9);
    expect(paddedSize(3, [])).toBe(3);
  });
});
