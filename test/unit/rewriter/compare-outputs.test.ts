import { compareOutputs } from '../../../src/rewriter/compare-outputs';
import { toHalfBits } from '../../../src/kernel/half-floats';
import type { Tensor } from '../../../src/kernel/tensor';

function output(values: readonly number[], dtype: 'float32' | 'uint8' = 'float32'): Tensor[] {
  const data = dtype === 'uint8' ? Uint8Array.from(values) : Float32Array.from(values);
  return [{ name: 'y', dtype, shape: [values.length], data }];
}

test('a difference is relative to the largest value', () => {
  expect(compareOutputs(output([1000, 0]), output([1000, 0.05]))).toEqual({
    relative: expect.closeTo(5e-5, 8),
    problem: undefined,
  });
});

test('a difference above 1e-4 is a problem', () => {
  expect(compareOutputs(output([1, 2]), output([1, 2.001])).problem).toMatch(/differ by 5\.0e-4/);
});

test('no number where the original has one is a problem, in both it is none', () => {
  expect(compareOutputs(output([1, NaN]), output([1, NaN])).problem).toBeUndefined();
  expect(compareOutputs(output([1, 2]), output([1, NaN])).problem).toMatch(/differs/);
  expect(compareOutputs(output([1, Infinity]), output([1, -Infinity])).problem).toMatch(/differs/);
});

test('a few pixels rounded the other way are no problem, many are', () => {
  const pixels = Array.from({ length: 1000 }, () => 100);
  const one = pixels.with(3, 101);
  const all = pixels.map(() => 101);

  expect(compareOutputs(output(pixels, 'uint8'), output(one, 'uint8')).problem).toBeUndefined();
  expect(compareOutputs(output(pixels, 'uint8'), output(all, 'uint8')).problem).toMatch(
    /differ by/,
  );
});

test('another shape, another type and a missing output are problems', () => {
  expect(compareOutputs(output([1, 2]), output([1])).problem).toMatch(/float32 \[1\], not/);
  expect(compareOutputs(output([1]), output([1], 'uint8')).problem).toMatch(/uint8/);
  expect(compareOutputs(output([1]), []).problem).toMatch(/missing/);
});

test('beside a mask the other values have a scale of their own', () => {
  const logits = [0.1, 0.5, -0.3, 0.2, -1e9, -1e9];
  const other = logits.with(0, 0.2);
  const mask = logits.with(5, -1.001e9);

  expect(compareOutputs(output(logits), output(logits)).problem).toBeUndefined();
  expect(compareOutputs(output(logits), output(other)).problem).toMatch(/differ by 2\.0e-1/);
  expect(compareOutputs(output(logits), output(mask)).problem).toMatch(/differ by/);
});

test('large values without a gap between them share one scale', () => {
  const values = Array.from({ length: 40 }, (_, i) => 2 ** i);

  expect(compareOutputs(output(values), output(values.with(0, 2))).problem).toBeUndefined();
});

test('half floats may differ by their last digits', () => {
  const halves = (values: readonly number[]): Tensor[] => [
    {
      name: 'y',
      dtype: 'float16',
      shape: [values.length],
      data: toHalfBits(Float32Array.from(values), 'float16'),
    },
  ];

  expect(compareOutputs(halves([1, 2]), halves([1.001, 2])).problem).toBeUndefined();
  expect(compareOutputs(halves([1, 2]), halves([1.01, 2])).problem).toMatch(/differ by/);
});
