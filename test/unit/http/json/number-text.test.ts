import fc from 'fast-check';

import { float32Text } from '../../../../src/http/json/number-text';

test('every float32 is read back as itself', () => {
  fc.assert(
    fc.property(fc.float(), (value) => {
      expect(Math.fround(Number(float32Text(value)))).toBe(value);
    }),
    { numRuns: 5000 },
  );
});

test.each([
  [0.1, '0.1'],
  [3, '3.0'],
  [-0, '-0.0'],
  [1e20, '100000002004087730000.0'],
  [Infinity, 'Infinity'],
  [-Infinity, '-Infinity'],
  [NaN, 'NaN'],
  [-2.5, '-2.5'],
  [16777216, '16777216.0'],
  [1e-45, '1.4013e-45'],
  [123456.789, '123456.79'],
])('%d is written %s', (value, text) => {
  expect(float32Text(Math.fround(value))).toBe(text);
});

test('no digit is written that is not needed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9999 }), fc.integer({ min: 0, max: 4 }), (n, places) => {
      const decimal = n / 10 ** places;
      expect(Number(float32Text(Math.fround(decimal)))).toBe(decimal);
    }),
  );
});
