import { outputsOfNoRows, withInnerShape } from '../../../src/inference/no-rows';
import type { DType } from '../../../src/kernel/element-types';
import type { Signature, TensorSpec } from '../../../src/kernel/tensor';
import { floats, strings } from '../../support/tensors';

function spec(
  name: string,
  shape: readonly number[] | undefined,
  dtype: DType | undefined = 'float32',
): TensorSpec {
  return { name, dtype, tfDtype: 'DT_ANY', shape, node: `${name}:0` };
}

const SIGNATURE: Signature = {
  inputs: [spec('x', [-1, 8, -1])],
  outputs: [spec('y', [-1, 5]), spec('z', [-1, -1, 2]), spec('t', [-1], 'string')],
  methodName: '',
};

test('an empty list takes the inner dimensions of the signature; a shape that was sent stays', () => {
  const [x] = SIGNATURE.inputs;

  expect(withInnerShape(x, floats('x', [0], [])).shape).toEqual([0, 8, 0]);
  expect(withInnerShape(x, floats('x', [0, 8, 3], [])).shape).toEqual([0, 8, 3]);
  expect(withInnerShape(spec('x', [4, 8]), floats('x', [0], [])).shape).toEqual([0]);
  expect(withInnerShape(spec('x', undefined), floats('x', [0], [])).shape).toEqual([0]);
  // An encoded image for pixels: no list of pixels.
  const images = { name: 'x', dtype: 'string', shape: [0], data: strings() } as const;
  expect(withInnerShape(x, images).shape).toEqual([0]);
});

test('the outputs asked for have no row, in the type and shape of the signature', () => {
  expect(outputsOfNoRows(SIGNATURE, ['y', 't'])).toEqual([
    { name: 'y', dtype: 'float32', shape: [0, 5], data: new Float32Array() },
    { name: 't', dtype: 'string', shape: [0], data: strings() },
  ]);
  expect(outputsOfNoRows(SIGNATURE, ['z']).map(({ shape }) => shape)).toEqual([[0, 0, 2]]);
});
