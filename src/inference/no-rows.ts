import { byteStringsOver } from '../kernel/byte-strings';
import { typedArrayOver, type DType } from '../kernel/element-types';
import { elementCount, type Signature, type Tensor, type TensorSpec } from '../kernel/tensor';

/**
 * An empty list says nothing of the dimensions inside it: for an input whose first dimension may have any size
 * they are those of the signature. Other tensors stay as they are.
 */
export function withInnerShape(spec: TensorSpec | undefined, tensor: Tensor): Tensor {
  const [rows, ...inner] = spec?.shape ?? [];
  const bare = tensor.shape.length === 1 && tensor.shape[0] === 0;
  return bare && rows === -1 && tensor.dtype === spec?.dtype
    ? { ...tensor, shape: [0, ...inner.map(atLeastZero)] }
    : tensor;
}

/**
 * Outputs of no row, of a signature whose rows are independent; a dimension that only a run could tell is 0.
 * @param names outputs to answer, all of types that can be carried
 */
export function outputsOfNoRows(signature: Signature, names: readonly string[]): Tensor[] {
  return signature.outputs.flatMap(({ name, dtype, shape = [] }) =>
    dtype === undefined || !names.includes(name)
      ? []
      : [emptyTensor(name, dtype, [0, ...shape.slice(1).map(atLeastZero)])],
  );
}

/** @param shape with a 0 in it */
export function emptyTensor(name: string, dtype: DType, shape: readonly number[]): Tensor {
  const data =
    dtype === 'string'
      ? byteStringsOver(new Uint8Array(), new Uint32Array())
      : typedArrayOver(dtype, new ArrayBuffer(0), 0, elementCount(shape));
  return { name, dtype, shape, data };
}

function atLeastZero(size: number): number {
  return Math.max(0, size);
}
