import fc from 'fast-check';

import { joinParts, splitIntoParts, type TensorPart } from '../../../src/inference/tensor-parts';
import { strings } from '../../support/tensors';
import type { DType } from '../../../src/kernel/element-types';
import type { Signature, Tensor, TensorSpec } from '../../../src/kernel/tensor';

function spec(name: string, shape: readonly number[], dtype: DType = 'int32'): TensorSpec {
  return { name, dtype, tfDtype: 'DT_INT32', shape, node: `${name}:0` };
}

const BATCHED: Signature = {
  inputs: [spec('a', [-1, 2]), spec('b', [-1], 'string')],
  outputs: [spec('y', [-1])],
  methodName: '',
};

function partsOf(
  signature: Signature,
  inputs: readonly Tensor[],
  limit: number,
  independentRows = true,
): TensorPart[] {
  const { count, part } = splitIntoParts({ signature, independentRows }, inputs, limit);
  return Array.from({ length: count }, (_, index) => part(index));
}

function request(rows: number): Tensor[] {
  return [
    {
      name: 'a',
      dtype: 'int32',
      shape: [rows, 2],
      data: Int32Array.from({ length: rows * 2 }, (_, index) => index),
    },
    {
      name: 'b',
      dtype: 'string',
      shape: [rows],
      data: strings(...Array.from({ length: rows }, (_, row) => `row ${row}`)),
    },
  ];
}

test('whatever is split is joined to what it was, in parts no larger than allowed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 12 }), (rows, limit) => {
      const whole = request(rows);

      const parts = partsOf(BATCHED, whole, limit);

      expect(parts.every((part) => part.rows <= limit && part.batchable)).toBe(true);
      expect(parts).toHaveLength(Math.ceil(rows / limit));
      expect(joinParts(parts.map(({ inputs }) => inputs))).toEqual(whole);
    }),
  );
});

test('a request that fits is not copied', () => {
  const whole = request(3);

  expect(partsOf(BATCHED, whole, 4)).toEqual([{ inputs: whole, rows: 3, batchable: true }]);
  expect(partsOf(BATCHED, whole, 4)[0]?.inputs).toBe(whole);
});

test('inputs that share no rows run alone', () => {
  const [a] = request(3);
  const [, b] = request(2);

  expect(
    partsOf(
      BATCHED,
      [a, b].flatMap((input) => input ?? []),
      4,
    ),
  ).toMatchObject([{ rows: 1, batchable: false }]);
});

test('a model without a batch dimension runs its request alone', () => {
  const fixed: Signature = { ...BATCHED, outputs: [spec('y', [])] };

  expect(partsOf(fixed, request(3), 1)).toMatchObject([{ rows: 1, batchable: false }]);
});

test('no rows: no part, but a run where rows belong together', () => {
  const inputs = request(0);

  expect(partsOf(BATCHED, inputs, 4)).toEqual([]);
  expect(partsOf(BATCHED, inputs, 4, false)).toEqual([{ inputs, rows: 1, batchable: false }]);
});

test('a model without inputs runs each request alone', () => {
  expect(partsOf({ ...BATCHED, inputs: [] }, [], 4)).toMatchObject([
    { inputs: [], batchable: false },
  ]);
});

test('rows that belong together are never cut, nor mixed with others', () => {
  const inputs = request(9);

  expect(partsOf(BATCHED, inputs, 4, false)).toEqual([{ inputs, rows: 1, batchable: false }]);
});

test('rows of different shape cannot be joined, and it is said so', () => {
  const row = (width: number): Tensor => ({
    name: 'y',
    dtype: 'float32',
    shape: [1, width],
    data: new Float32Array(width),
  });

  expect(() => joinParts([[row(2)], [row(3)]])).toThrow(
    'output "y" has rows of shape [2] and of [3]',
  );
});
