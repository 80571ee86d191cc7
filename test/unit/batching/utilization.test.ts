import { TIME_CONSTANT_MS, Utilization } from '../../../src/batching/utilization';

test('is nothing before there was a run, and without an instance', () => {
  const utilization = new Utilization();

  expect(utilization.at(2, 0)).toBe(0);
  expect(utilization.at(0, 1e6)).toBe(0);
});

test('goes to the share of busy instances, by the time constant', () => {
  const utilization = new Utilization();
  utilization.begin(0, 2, 1000);

  expect(utilization.at(2, 1000 + TIME_CONSTANT_MS)).toBeCloseTo(0.5 * (1 - Math.exp(-1)), 10);
  expect(utilization.at(2, 1000 + 20 * TIME_CONSTANT_MS)).toBeCloseTo(0.5, 6);
});

test('two runs on one instance are one busy instance', () => {
  const utilization = new Utilization();
  const ends = [0, 1].map(() => utilization.begin(0, 2, 0));
  ends[0]?.(2, 1);

  expect(utilization.at(2, 1e9)).toBe(0.5);
  ends[1]?.(2, 1e9);
  expect(utilization.at(2, 2e9)).toBe(0);
});

test('however often it is looked at, the answer is the same', () => {
  const [often, seldom] = [new Utilization(), new Utilization()];
  for (const utilization of [often, seldom]) utilization.begin(0, 1, 0);
  for (let now = 0; now < 10_000; now += 7) often.at(1, now);

  expect(often.at(1, 10_000)).toBeCloseTo(seldom.at(1, 10_000), 10);
});

test('bursts count by their length', () => {
  const utilization = new Utilization();
  // A quarter of the time, for long enough that the beginning is forgotten.
  for (let now = 0; now < 40 * TIME_CONSTANT_MS; now += 100) {
    utilization.begin(0, 1, now)(1, now + 25);
  }

  expect(utilization.at(1, 40 * TIME_CONSTANT_MS)).toBeCloseTo(0.25, 2);
});
