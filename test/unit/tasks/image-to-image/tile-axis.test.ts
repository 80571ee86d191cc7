import { seamsOf } from '../../../../src/tasks/image-to-image/seams';
import {
  layTiles,
  roundUp,
  scaled,
  scaleOf,
  type TileSettings,
} from '../../../../src/tasks/image-to-image/tile-axis';

const SETTINGS: readonly TileSettings[] = [
  { size: 64, overlap: 16, multipleOf: 1 },
  { size: 64, overlap: 32, multipleOf: 1 },
  { size: 64, overlap: 0, multipleOf: 1 },
  { size: 64, overlap: 10, multipleOf: 8 },
  { size: 63, overlap: 31, multipleOf: 1 },
  { size: 48, overlap: 16, multipleOf: 16 },
];
const SIDES = Array.from({ length: 400 }, (_, index) => index + 1);

describe.each(SETTINGS)('tiles of %j', (settings) => {
  const { size, overlap, multipleOf } = settings;
  const axes = SIDES.map((side) => ({ side, ...layTiles(side, settings) }));

  test('begin with the side, end with it, and begin at multiples', () => {
    for (const { side, padded, length, starts } of axes) {
      expect(padded).toBe(roundUp(side, multipleOf));
      expect(starts[0]).toBe(0);
      expect((starts.at(-1) ?? NaN) + length).toBe(padded);
      expect(starts.every((start) => start % multipleOf === 0)).toBe(true);
      expect(length).toBe(Math.min(size, padded));
    }
  });

  test('share the overlap at least, and there are no more than needed', () => {
    for (const { padded, length, starts } of axes) {
      const steps = starts.slice(1).map((start, index) => start - (starts[index] ?? 0));
      const most = length - roundUp(overlap, multipleOf);
      for (const step of steps) expect(step).toBeLessThanOrEqual(most);
      const needed = length === padded ? 1 : 1 + Math.ceil((padded - length) / most);
      expect(starts).toHaveLength(needed);
    }
  });

  test.each([
    ['1', { numerator: 1, denominator: 1 }],
    ['2', { numerator: 2, denominator: 1 }],
    ['4', { numerator: 4, denominator: 1 }],
  ])('meet at a scale of %s: each pixel is filled once, but for the ramps', (_name, scale) => {
    for (const axis of axes) {
      const side = scaled(axis.side, scale);
      const spans = seamsOf(axis, scale, overlap, side);
      expect(spans[0]).toMatchObject({ from: 0, ramp: 0 });
      expect(spans.at(-1)?.to).toBe(side);
      for (const [index, { start, from, to, ramp }] of spans.entries()) {
        // Inside of what the tile has, and its ramp is where the one before ends.
        expect(from).toBeGreaterThanOrEqual(start);
        expect(to).toBeLessThanOrEqual(start + scaled(axis.length, scale));
        if (index > 0) expect(spans[index - 1]?.to).toBe(Math.min(side, from + ramp));
      }
    }
  });
});

test('just over a tile makes two, which share almost everything', () => {
  const axis = layTiles(65, { size: 64, overlap: 16, multipleOf: 1 });

  expect(axis).toEqual({ padded: 65, length: 64, starts: [0, 1] });
  expect(seamsOf(axis, { numerator: 2, denominator: 1 }, 16, 130)).toEqual([
    { start: 0, from: 0, to: 70, ramp: 0 },
    { start: 2, from: 60, to: 130, ramp: 10 },
  ]);
});

test.each([
  [64, 128, { numerator: 2, denominator: 1 }],
  [64, 32, { numerator: 1, denominator: 2 }],
  [64, 96, { numerator: 3, denominator: 2 }],
  // Borders that are cut off are no scale.
  [64, 120, { numerator: 15, denominator: 8 }],
  [64, 62, undefined],
  [100, 198, undefined],
  [64, 0, undefined],
])('%d pixels that become %d are scaled by %j', (from, to, expected) => {
  expect(scaleOf(from, to)).toEqual(expected);
});
