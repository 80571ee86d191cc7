import { fromHalf, toHalf, toHalfBits } from '../../../src/kernel/half-floats';

const PATTERNS = Array.from({ length: 2 ** 16 }, (_, bits) => bits);

test.each(['float16', 'bfloat16'] as const)('every %s comes back as it was', (type) => {
  const changed = PATTERNS.filter((bits) => {
    const value = fromHalf(bits, type);
    return !Number.isNaN(value) && toHalf(value, type) !== bits;
  });

  expect(changed).toEqual([]);
});

test.each([
  ['float16', 0x3c00, 1],
  ['float16', 0x7bff, 65504],
  ['float16', 0x0001, 2 ** -24],
  ['float16', 0xfc00, -Infinity],
  ['bfloat16', 0x3f80, 1],
  ['bfloat16', 0xff80, -Infinity],
] as const)('%s %i is %d', (type, bits, value) => {
  expect(fromHalf(bits, type)).toBe(value);
  expect(toHalfBits(Float32Array.of(value), type)).toEqual(Uint16Array.of(bits));
});

test('numbers between two halves go to the nearer, ties to the even one', () => {
  expect(toHalf(1 + 2 ** -11, 'float16')).toBe(0x3c00);
  expect(toHalf(1 + 3 * 2 ** -11, 'float16')).toBe(0x3c02);
  expect(toHalf(65520, 'float16')).toBe(0x7c00);
});
