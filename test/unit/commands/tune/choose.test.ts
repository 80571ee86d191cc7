import { candidateLines, chooseBest, type Candidate } from '../../../../src/commands/tune/choose';
import type { TuneSettings } from '../../../../src/commands/tune/settings';

const CURRENT: TuneSettings = {
  instances: 2,
  threads: 1,
  maxBatchSize: 8,
  maxQueueDelayMs: 0,
};

function candidate(
  settings: Partial<TuneSettings>,
  perSecond: readonly number[],
  more: { readonly p99Ms?: number; readonly failed?: number } = {},
): Candidate {
  return {
    settings: { ...CURRENT, ...settings },
    results: perSecond.map((rate) => ({
      perSecond: rate,
      p50Ms: 10,
      p99Ms: more.p99Ms ?? 20,
      failed: more.failed ?? 0,
    })),
  };
}

test('the fastest in every round is chosen', () => {
  const current = candidate({}, [100, 102]);
  const faster = candidate({ maxBatchSize: 16 }, [120, 118]);

  expect(chooseBest([current, faster])).toBe(faster);
});

test('the settings stay when another is faster by no more than noise', () => {
  const current = candidate({}, [100, 100]);
  const other = candidate({ maxBatchSize: 16 }, [102, 102]);

  expect(chooseBest([current, other])).toBe(current);
});

test('the settings stay when another was faster in some rounds only', () => {
  const current = candidate({}, [100, 100, 100]);
  const other = candidate({ maxBatchSize: 16 }, [130, 90, 130]);

  expect(chooseBest([current, other])).toBe(current);
});

test('of two that are equally fast, the one with fewer workers is chosen', () => {
  const current = candidate({}, [100]);
  const many = candidate({ instances: 4 }, [151]);
  const few = candidate({ instances: 1 }, [150]);

  expect(chooseBest([current, many, few])).toBe(few);
});

test('what fails requests or is too slow at the 99th percentile is not chosen', () => {
  const current = candidate({}, [100]);
  const failing = candidate({ maxBatchSize: 16 }, [200], { failed: 1 });
  const slow = candidate({ maxBatchSize: 32 }, [200], { p99Ms: 500 });

  expect(chooseBest([current, failing, slow], { maxP99Ms: 100 })).toBe(current);
});

test('when the settings themselves are too slow, the best that is not replaces them', () => {
  const current = candidate({}, [200], { p99Ms: 500 });
  const quick = candidate({ maxBatchSize: 1 }, [90]);

  expect(chooseBest([current, quick], { maxP99Ms: 100 })).toBe(quick);
});

test('nothing is chosen when nothing is usable', () => {
  expect(chooseBest([candidate({}, [100], { failed: 3 })])).toBeUndefined();
});

test('the table marks the chosen candidate and names failures', () => {
  const current = candidate({}, [100], { failed: 2 });
  const other = candidate({ instances: 1 }, [90]);

  expect(candidateLines([current, other], other)).toEqual([
    expect.stringMatching(/^ {2}2 × 1 threads, batch 8, delay 0 ms .*100\.0\/s.*2 FAILED$/),
    expect.stringMatching(/^\* 1 × 1 threads, batch 8, delay 0 ms .*90\.0\/s/),
  ]);
});
