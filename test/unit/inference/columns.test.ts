import { fitColumns } from '../../../src/inference/columns';
import type { Signature, Tensor, TensorSpec } from '../../../src/kernel/tensor';
import { floats } from '../../support/tensors';

function spec(name: string, shape: readonly number[] | undefined): TensorSpec {
  return { name, dtype: 'float32', tfDtype: 'DT_FLOAT', shape, node: `${name}:0` };
}

function signature(
  inputs: Readonly<Record<string, readonly number[] | undefined>>,
  outputs: Readonly<Record<string, readonly number[] | undefined>>,
): Signature {
  const specs = (shapes: typeof inputs): TensorSpec[] =>
    Object.entries(shapes).map(([name, shape]) => spec(name, shape));
  return { inputs: specs(inputs), outputs: specs(outputs), methodName: '' };
}

/** Shapes that the model is given, and those of its answer of `answered` that the client is given. */
function shapes(
  model: Signature,
  sent: readonly Tensor[],
  answered: readonly Tensor[],
): { given: (readonly number[])[]; answered: (readonly number[])[] } {
  const { inputs, mirror } = fitColumns(model, sent);
  return {
    given: inputs.map(({ shape }) => shape),
    answered: mirror(answered).map(({ shape }) => shape),
  };
}

const of = (name: string, ...shape: number[]): Tensor =>
  floats(name, shape, new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(1));

test('[n] for [?, 1] becomes a column, and the answer [n, 1] comes back as [n]', () => {
  expect(shapes(signature({ x: [-1, 1] }, { y: [-1, 1] }), [of('x', 3)], [of('y', 3, 1)])).toEqual({
    given: [[3, 1]],
    answered: [[3]],
  });
});

test('[n, 1] for [?] becomes [n], and the answer [n] comes back as [n, 1]', () => {
  expect(shapes(signature({ x: [-1] }, { y: [-1] }), [of('x', 3, 1)], [of('y', 3)])).toEqual({
    given: [[3]],
    answered: [[3, 1]],
  });
});

test('what fits is left alone, the answer too', () => {
  const model = signature({ x: [-1, 1] }, { y: [-1, 1], z: [-1] });
  const sent = [of('x', 3, 1)];
  const answer = [of('y', 3, 1), of('z', 3)];

  const { inputs, mirror } = fitColumns(model, sent);

  expect(inputs).toEqual(sent);
  expect(mirror(answer)).toEqual(answer);
});

test('outputs of other shapes keep them, and so does one that is not what the signature says', () => {
  const model = signature({ x: [-1, 1] }, { a: [-1, 3], b: [-1], c: [], d: undefined, e: [-1, 1] });
  const answer = [of('a', 3, 3), of('b', 3), of('c'), of('d', 3, 1), of('e', 3, 2)];

  expect(shapes(model, [of('x', 3)], answer).answered).toEqual(answer.map(({ shape }) => shape));
});

test('with both forms in one request the answer is as the signature has it', () => {
  const model = signature({ a: [-1, 1], b: [-1, 1] }, { y: [-1, 1] });

  expect(shapes(model, [of('a', 3), of('b', 3, 1)], [of('y', 3, 1)])).toEqual({
    given: [
      [3, 1],
      [3, 1],
    ],
    answered: [[3, 1]],
  });
});

test.each<[string, readonly number[] | undefined, readonly number[]]>([
  ['a fixed number of rows', [4, 1], [4]],
  ['a wider row', [-1, 2], [2]],
  ['a row of any width', [-1, -1], [3]],
  ['an image', [-1, 8, 8, 3], [3]],
  ['a scalar', [], [3, 1]],
  ['an unknown rank', undefined, [3]],
  ['three dimensions given', [-1, 1], [3, 1, 1]],
])('no other difference is let through: %s', (_what, wanted, sent) => {
  const { given } = shapes(signature({ x: wanted }, {}), [of('x', ...sent)], []);

  expect(given).toEqual([sent]);
});
