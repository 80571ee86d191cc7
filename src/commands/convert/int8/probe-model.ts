import { create } from '@bufbuild/protobuf';

import {
  DataType,
  MetaGraphDefSchema,
  SignatureDefSchema,
  TensorInfoSchema,
  TensorShapeProtoSchema,
  type MetaGraphDef,
  type TensorInfo,
} from '../../../saved-model/protobuf/tensorflow_pb';

/** Signature of the tensors inside a network. */
export const PROBE = 'tfjs_serving_probe';

/**
 * The graph with one more signature, which answers float32 tensors from inside it.
 * @param signature whose inputs it takes
 * @param tensors answered under their own names
 */
export function withProbe(
  meta: MetaGraphDef,
  signature: string,
  tensors: readonly string[],
): MetaGraphDef {
  const { graphDef, metaInfoDef, signatureDef } = meta;
  return create(MetaGraphDefSchema, {
    ...(graphDef === undefined ? {} : { graphDef }),
    ...(metaInfoDef === undefined ? {} : { metaInfoDef }),
    signatureDef: {
      ...signatureDef,
      [PROBE]: create(SignatureDefSchema, {
        methodName: 'tensorflow/serving/predict',
        inputs: signatureDef[signature]?.inputs ?? {},
        outputs: Object.fromEntries(tensors.map((tensor) => [tensor, floatTensor(tensor)])),
      }),
    },
  });
}

/** @param shape as the signature tells it; unknown when undefined */
export function floatTensor(tensor: string, shape?: readonly number[]): TensorInfo {
  return create(TensorInfoSchema, {
    encoding: { case: 'name', value: tensor.includes(':') ? tensor : `${tensor}:0` },
    dtype: DataType.DT_FLOAT,
    tensorShape: create(
      TensorShapeProtoSchema,
      shape === undefined
        ? { unknownRank: true }
        : { dim: shape.map((size) => ({ size: BigInt(size) })) },
    ),
  });
}
