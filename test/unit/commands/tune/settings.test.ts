import {
  candidatesOf,
  settingsKey,
  type TuneSettings,
} from '../../../../src/commands/tune/settings';

const FROM: TuneSettings = { instances: 2, threads: 1, maxBatchSize: 8, maxQueueDelayMs: 0 };
const CPU = { device: 'cpu', cores: 2, gpus: 0, batchable: true } as const;

test('each step begins with the settings it starts from and names none twice', () => {
  for (const step of ['workers', 'batch', 'delay'] as const) {
    const candidates = candidatesOf(step, FROM, CPU);

    expect(candidates[0]).toEqual(FROM);
    expect(new Set(candidates.map(settingsKey)).size).toBe(candidates.length);
    expect(candidates.length).toBeGreaterThan(1);
  }
});

test('a step changes its own settings only', () => {
  for (const { instances, threads, maxQueueDelayMs } of candidatesOf('batch', FROM, CPU)) {
    expect({ instances, threads, maxQueueDelayMs }).toEqual({
      instances: 2,
      threads: 1,
      maxQueueDelayMs: 0,
    });
  }
});

test('no candidate has fewer than one worker or thread, on one core either', () => {
  for (const cores of [1, 2, 3, 8, 64]) {
    for (const candidate of candidatesOf('workers', FROM, { ...CPU, cores })) {
      expect(candidate.instances).toBeGreaterThanOrEqual(1);
      expect(candidate.threads).toBeGreaterThanOrEqual(1);
    }
  }
});

test('a model that runs one image at a time has no batch or delay to try', () => {
  const single = { ...CPU, batchable: false };

  expect(candidatesOf('batch', FROM, single)).toEqual([FROM]);
  expect(candidatesOf('delay', FROM, single)).toEqual([FROM]);
});

test('with a GPU large batches are tried, and as many workers as GPUs or twice that', () => {
  const gpu = { device: 'gpu', cores: 16, gpus: 2, batchable: true } as const;
  const from = { ...FROM, threads: 0 };

  expect(candidatesOf('batch', from, gpu).map((one) => one.maxBatchSize)).toContain(64);
  expect(candidatesOf('workers', from, gpu).map((one) => one.instances)).toEqual([2, 4]);
});
