import fc from 'fast-check';

import { batchSizesUpTo } from '../../../src/models/batch-sizes';

test.each([
  [1, [1]],
  [2, [1, 2]],
  [6, [1, 2, 4, 6]],
  [8, [1, 2, 4, 8]],
])('powers of two up to %d, and the limit itself', (limit, sizes) => {
  expect(batchSizesUpTo(limit, 'powers-of-two')).toEqual(sizes);
});

test.each([
  [1, [1]],
  [4, [1, 2, 3, 4]],
  [20, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20]],
])('fine steps up to %d', (limit, sizes) => {
  expect(batchSizesUpTo(limit, 'fine')).toEqual(sizes);
});

test('with fine steps less than an eighth of a batch is padding', () => {
  const sizes = batchSizesUpTo(1000, 'fine');

  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), (rows) => {
      const padded = sizes.find((size) => size >= rows) ?? 0;
      expect((padded - rows) / rows).toBeLessThan(1 / 8);
    }),
  );
});
