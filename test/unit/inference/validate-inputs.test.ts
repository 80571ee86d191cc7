import { toServingError } from '../../../src/kernel/errors';
import { validateInputs } from '../../../src/inference/validate-inputs';
import type { Signature, Tensor, TensorSpec } from '../../../src/kernel/tensor';
import { floats, strings } from '../../support/tensors';

function signature(...inputs: readonly TensorSpec[]): Signature {
  return { inputs, outputs: [], methodName: 'tensorflow/serving/predict' };
}

const X: TensorSpec = {
  name: 'x',
  dtype: 'float32',
  tfDtype: 'DT_FLOAT',
  shape: [-1, 2],
  node: 'x:0',
};
const Z: TensorSpec = { name: 'z', dtype: 'int32', tfDtype: 'DT_INT32', shape: [], node: 'z:0' };
const z: Tensor = { name: 'z', dtype: 'int32', shape: [], data: Int32Array.of(7) };

/** What the client is told; undefined when the inputs are fine. */
function refusal(spec: Signature, ...inputs: readonly Tensor[]): string | undefined {
  try {
    validateInputs(spec, inputs);
  } catch (thrown) {
    const { code, message } = toServingError(thrown);
    expect(code).toBe('INVALID_INPUT');
    return message;
  }
  return undefined;
}

test.each<[string, TensorSpec, Tensor]>([
  ['any number of rows', X, floats('x', [3, 2], [1, 2, 3, 4, 5, 6])],
  ['no rows', X, floats('x', [0, 2], [])],
  ['a scalar', Z, z],
  ['any shape where the rank is unknown', { ...X, shape: undefined }, floats('x', [1, 1], [1])],
  [
    'pairs for complex numbers',
    { ...X, dtype: 'complex64' },
    { name: 'x', dtype: 'complex64', shape: [1, 2], data: Float32Array.of(1, 2, 3, 4) },
  ],
  [
    'an array for strings',
    { ...X, dtype: 'string' },
    { name: 'x', dtype: 'string', shape: [1, 2], data: strings('abc', '') },
  ],
])('%s fits', (_, spec, tensor) => {
  expect(refusal(signature(spec), tensor)).toBeUndefined();
});

test('inputs fit in any order', () => {
  expect(refusal(signature(X, Z), z, floats('x', [1, 2], [1, 2]))).toBeUndefined();
});

test.each<[string, Tensor[], string]>([
  [
    'an unknown input',
    [floats('y', [1, 2], [1, 2])],
    'there is no input "y"; the signature takes "x", "z"',
  ],
  ['a missing input', [z], 'input "x" is missing; the signature takes "x", "z"'],
  ['an input given twice', [floats('x', [1, 2], [1, 2]), z, z], 'input "z" was given 2 times'],
  [
    'another type',
    [{ name: 'x', dtype: 'int32', shape: [1, 2], data: Int32Array.of(1, 2) }, z],
    'input "x" must be float32 and was given as int32',
  ],
  [
    'another rank',
    [floats('x', [2], [1, 2]), z],
    'input "x" must have shape [?, 2] and was given [2]',
  ],
  [
    'another size',
    [floats('x', [1, 3], [1, 2, 3]), z],
    'input "x" must have shape [?, 2] and was given [1, 3]',
  ],
  [
    'too few values',
    [floats('x', [2, 2], [1, 2, 3]), z],
    'input "x" of shape [2, 2] holds 4 values and was given 3',
  ],
])('%s is refused', (_, inputs, message) => {
  expect(refusal(signature(X, Z), ...inputs)).toBe(message);
});

test('complex numbers without their imaginary parts are refused', () => {
  const tensor: Tensor = {
    name: 'x',
    dtype: 'complex64',
    shape: [1, 2],
    data: Float32Array.of(1, 2),
  };

  expect(refusal(signature({ ...X, dtype: 'complex64' }), tensor)).toBe(
    'input "x" of shape [1, 2] holds 4 values and was given 2',
  );
});

test('an input of a type that cannot be carried is refused by its TensorFlow name', () => {
  expect(
    refusal(signature({ ...X, dtype: undefined, tfDtype: 'DT_HALF' }), floats('x', [1, 2], [1, 2])),
  ).toBe('input "x" has type DT_HALF, which cannot be carried');
});
