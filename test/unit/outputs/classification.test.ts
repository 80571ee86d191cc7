import fc from 'fast-check';

import {
  classify,
  topIndices,
  type ClassificationOptions,
} from '../../../src/outputs/classification';
import type { Tensor } from '../../../src/kernel/tensor';
import { floats, strings } from '../../support/tensors';

const OPTIONS: ClassificationOptions = { activation: 'none', labels: undefined, topK: 3 };

function scores(...values: readonly number[]): Tensor {
  return floats('scores', [1, values.length], values);
}

function scoresOf(tensor: Tensor, options: Partial<ClassificationOptions>): number[] {
  return classify(tensor, { ...OPTIONS, ...options }).map(({ score }) => score);
}

test('the best classes come first, with their labels', () => {
  const labels = ['ant', 'bee', 'cat', 'dog'];

  expect(classify(scores(0.5, 0.125, 0.25, 1), { ...OPTIONS, labels })).toEqual([
    { label: 'dog', index: 3, score: 1 },
    { label: 'ant', index: 0, score: 0.5 },
    { label: 'cat', index: 2, score: 0.25 },
  ]);
});

test('a class without a label is called by its index', () => {
  expect(classify(scores(1, 2), OPTIONS).map(({ label }) => label)).toEqual(['1', '0']);
  expect(classify(scores(1, 2), { ...OPTIONS, labels: ['ant'] }).map(({ label }) => label)).toEqual(
    ['1', 'ant'],
  );
});

test('equal scores come in the order of the classes', () => {
  const best = classify(scores(1, 2, 2, 1, 2, 1), { ...OPTIONS, topK: 5 });

  expect(best.map(({ index }) => index)).toEqual([1, 2, 4, 0, 3]);
});

test('more predictions than classes are all classes', () => {
  expect(classify(scores(1, 2), { ...OPTIONS, topK: 99 })).toHaveLength(2);
});

test('softmax shares out one among all classes, not only those answered', () => {
  const [first, second] = scoresOf(scores(Math.log(1), Math.log(2), Math.log(5)), {
    activation: 'softmax',
    topK: 2,
  });

  expect(first).toBeCloseTo(5 / 8);
  expect(second).toBeCloseTo(2 / 8);
});

test('softmax of large scores does not overflow', () => {
  expect(scoresOf(scores(10_000, 10_000), { activation: 'softmax' })).toEqual([0.5, 0.5]);
});

test('softmax of a class that is ruled out is zero', () => {
  expect(scoresOf(scores(-Infinity, 3), { activation: 'softmax' })).toEqual([1, 0]);
});

test('sigmoid is taken of each class by itself', () => {
  const [high, middle, low] = scoresOf(scores(Math.log(3), -Math.log(3), 0), {
    activation: 'sigmoid',
  });

  expect(high).toBeCloseTo(0.75);
  expect(middle).toBe(0.5);
  expect(low).toBeCloseTo(0.25);
});

test('sigmoid of extreme scores stays between 0 and 1', () => {
  expect(scoresOf(scores(-1e9, 1e9), { activation: 'sigmoid' })).toEqual([1, 0]);
});

test.each<Tensor>([
  { name: 'y', dtype: 'uint8', shape: [1, 3], data: Uint8Array.of(7, 255, 0) },
  { name: 'y', dtype: 'int32', shape: [1, 3], data: Int32Array.of(-7, 255, -9) },
  { name: 'y', dtype: 'float32', shape: [1, 1, 1, 3], data: Float32Array.of(7, 255, 0) },
])('scores of $dtype and shape $shape are read as they are', (tensor) => {
  expect(classify(tensor, OPTIONS)[0]).toEqual({ label: '1', index: 1, score: 255 });
});

test.each(['none', 'softmax', 'sigmoid'] as const)(
  'NaN anywhere is a failure with %s, not a wrong answer',
  (activation) => {
    expect(() => classify(scores(1, 2, NaN), { ...OPTIONS, activation, topK: 1 })).toThrow(
      expect.objectContaining({ code: 'INFERENCE_FAILED' }),
    );
  },
);

test.each<[ClassificationOptions['activation'], readonly number[]]>([
  ['none', [1, Infinity]],
  ['none', [1, -Infinity]],
  ['softmax', [1, Infinity]],
  ['softmax', [-Infinity, -Infinity]],
])('with %s an answer of %j that no JSON number can hold is a failure', (activation, values) => {
  expect(() => classify(scores(...values), { ...OPTIONS, activation })).toThrow(
    expect.objectContaining({ code: 'INFERENCE_FAILED' }),
  );
});

test.each<Tensor>([
  { name: 'y', dtype: 'string', shape: [1, 1], data: strings('') },
  { name: 'y', dtype: 'int64', shape: [1, 1], data: BigInt64Array.of(1n) },
])('scores of $dtype are refused', (tensor) => {
  expect(() => classify(tensor, OPTIONS)).toThrow(
    `The model answered scores of type ${tensor.dtype}`,
  );
});

describe('topIndices', () => {
  test('agrees with a stable sort', () => {
    const values = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.double({ noNaN: true })), {
      maxLength: 50,
    });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 60 }), (values, k) => {
        const sorted = values
          .map((value, index) => ({ value, index }))
          // Subtraction would make NaN of two infinities.
          .sort((a, b) => (a.value === b.value ? 0 : a.value < b.value ? 1 : -1))
          .slice(0, k);

        expect(topIndices(values, k)).toEqual(sorted.map(({ index }) => index));
      }),
    );
  });

  test('of nothing is nothing', () => {
    expect(topIndices([], 3)).toEqual([]);
  });
});
