import { create } from '@bufbuild/protobuf';

import {
  type DataType,
  TensorProtoSchema,
  TensorShapeProtoSchema,
  type TensorProto,
} from '../../saved-model/protobuf/tensorflow_pb';
import { eachByteString } from '../../kernel/byte-strings';
import { isByteStrings, type Tensor } from '../../kernel/tensor';

/** A tensor as the value of a constant. @param type TensorFlow's number of its type */
export function toTensorProto({ shape, data }: Tensor, type: DataType): TensorProto {
  const tensorShape = create(TensorShapeProtoSchema, {
    dim: shape.map((size) => ({ size: BigInt(size) })),
  });
  if (isByteStrings(data)) {
    const stringVal = [...eachByteString(data)];
    return create(TensorProtoSchema, { dtype: type, tensorShape, stringVal });
  }
  const tensorContent = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return create(TensorProtoSchema, { dtype: type, tensorShape, tensorContent });
}
