import { drawNoise, MAX_SEED, seedAt } from '../../../../src/tasks/inputs/noise';
import { philox, uniformStream } from '../../../../src/tasks/inputs/philox';

const NORMAL = { distribution: 'normal', mean: 0, stddev: 1, truncate: undefined } as const;

/** kat_vectors of the authors' own library, Random123. */
test.each([
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
] as const)('philox4x32-10 of %j with %j', (counter, key, expected) => {
  expect(philox(counter, key)).toEqual(expected);
});

test('uniform numbers lie between 0 and 1, and streams of one seed differ', () => {
  const [first, second] = [uniformStream(7, 0), uniformStream(7, 1)];
  const numbers = Array.from({ length: 1000 }, () => [first(), second()] as const);

  expect(numbers.flat().every((value) => value > 0 && value < 1)).toBe(true);
  expect(numbers.some(([a, b]) => a === b)).toBe(false);
});

test('normal noise has its mean and deviation, the same for the same seed', () => {
  const draw = { ...NORMAL, mean: 3, stddev: 0.5 };
  const values = drawNoise(draw, 20_001, 42, 0);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;

  expect(mean).toBeCloseTo(3, 1);
  expect(Math.sqrt(variance)).toBeCloseTo(0.5, 1);
  expect(drawNoise(draw, 20_001, 42, 0)).toEqual(values);
  expect(drawNoise(draw, 10, 42, 0)).toEqual(values.slice(0, 10));
  expect(drawNoise(draw, 10, 43, 0)).not.toEqual(values.slice(0, 10));
});

test('truncated noise has nothing beyond, and uniform noise keeps to its limits', () => {
  const cut = drawNoise({ ...NORMAL, truncate: 1 }, 2000, 1, 0);
  const flat = drawNoise({ distribution: 'uniform', minimum: -2, maximum: 5 }, 2000, 1, 0);

  expect(Math.max(...cut.map(Math.abs))).toBeLessThanOrEqual(1);
  expect(Math.max(...cut.map(Math.abs))).toBeGreaterThan(0.9);
  expect(Math.min(...flat)).toBeGreaterThan(-2);
  expect(Math.max(...flat)).toBeLessThan(5);
  expect(Math.max(...flat) - Math.min(...flat)).toBeGreaterThan(6.9);
});

test('seeds go up by one and begin again', () => {
  expect([seedAt(5, 0), seedAt(5, 2), seedAt(MAX_SEED, 1)]).toEqual([5, 7, 0]);
});
