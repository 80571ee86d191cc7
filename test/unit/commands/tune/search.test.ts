import { searchSettings } from '../../../../src/commands/tune/search';
import type { TuneSettings, TuneStep } from '../../../../src/commands/tune/settings';

const CURRENT: TuneSettings = {
  instances: 2,
  threads: 1,
  maxBatchSize: 8,
  maxQueueDelayMs: 0,
};
const machine = { device: 'cpu', cores: 2, gpus: 0, batchable: true } as const;

function search(rate: (settings: TuneSettings) => number) {
  const steps: TuneStep[] = [];
  const problems: string[] = [];
  let measured = 0;
  const best = searchSettings({
    machine,
    current: CURRENT,
    rounds: 2,
    measure: (settings) => {
      measured += 1;
      const perSecond = rate(settings);
      return perSecond < 0
        ? Promise.reject(new Error('it did not start'))
        : Promise.resolve({ perSecond, p50Ms: 1, p99Ms: 2, failed: perSecond === 0 ? 1 : 0 });
    },
    onStep: (step) => steps.push(step),
    onProblem: (_settings, reason) => problems.push(reason),
  });
  return { best, steps, problems, measured: () => measured };
}

test('each step starts from the best of the one before', async () => {
  const { best, steps } = search(
    ({ instances, maxBatchSize, maxQueueDelayMs }) =>
      100 + (instances === 1 ? 20 : 0) + maxBatchSize * 2 + maxQueueDelayMs * 5,
  );

  await expect(best).resolves.toEqual({
    instances: 1,
    threads: 2,
    maxBatchSize: 16,
    maxQueueDelayMs: 5,
  });
  expect(steps).toEqual(['workers', 'batch', 'delay']);
});

test('a setting that does not start is left out and told, once', async () => {
  const { best, problems } = search(({ instances }) => (instances === 1 ? -1 : 100));

  await expect(best).resolves.toEqual(CURRENT);
  expect(problems).toEqual(['it did not start']);
});

test('when nothing serves, the search says so instead of recommending', async () => {
  await expect(search(() => 0).best).rejects.toThrow('none of the settings');
});
