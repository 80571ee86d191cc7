import { create } from '@bufbuild/protobuf';

import {
  DataType,
  TensorProtoSchema,
  TensorShapeProtoSchema,
  type TensorProto,
} from '../../saved-model/protobuf/tensorflow_pb';
import { eachByteString } from '../../kernel/byte-strings';
import { isByteStrings, type Tensor } from '../../kernel/tensor';

/** The types the native binding carries, as TensorFlow numbers them. */
const CARRIED = new Set([
  DataType.DT_FLOAT,
  DataType.DT_INT32,
  DataType.DT_INT64,
  DataType.DT_UINT8,
  DataType.DT_BOOL,
  DataType.DT_STRING,
  DataType.DT_COMPLEX64,
]);

/** Bytes an element of a type that only travels as bytes. */
const WIDTHS: Partial<Record<DataType, number>> = {
  [DataType.DT_HALF]: 2,
  [DataType.DT_BFLOAT16]: 2,
  [DataType.DT_DOUBLE]: 8,
  [DataType.DT_COMPLEX128]: 16,
  [DataType.DT_INT8]: 1,
  [DataType.DT_INT16]: 2,
  [DataType.DT_UINT16]: 2,
  [DataType.DT_UINT32]: 4,
  [DataType.DT_UINT64]: 8,
};

export function isCarried(type: DataType): boolean {
  return CARRIED.has(type);
}

/** Whether values of a type can be bitcast to bytes. */
export function hasBytes(type: DataType): boolean {
  return WIDTHS[type] !== undefined;
}

/**
 * @param tensor the value, or its bytes with one more dimension for types that are not carried
 * @param type of the constant
 */
export function toTensorProto(tensor: Tensor, type: DataType): TensorProto {
  const width = WIDTHS[type];
  // A bitcast from one byte to one byte adds no dimension.
  const shape = width === undefined || width === 1 ? tensor.shape : tensor.shape.slice(0, -1);
  const tensorShape = create(TensorShapeProtoSchema, {
    dim: shape.map((size) => ({ size: BigInt(size) })),
  });
  const { data } = tensor;
  if (isByteStrings(data)) {
    const stringVal = [...eachByteString(data)];
    return create(TensorProtoSchema, { dtype: type, tensorShape, stringVal });
  }
  const tensorContent = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return create(TensorProtoSchema, { dtype: type, tensorShape, tensorContent });
}
