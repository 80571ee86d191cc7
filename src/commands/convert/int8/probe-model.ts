import { create } from '@bufbuild/protobuf';

import { typeAttr } from '../../../rewriter/graph/attributes';
import { nodeDef } from '../../../rewriter/graph/node-def';
import {
  DataType,
  GraphDefSchema,
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
 * The graph with one more signature, which answers float32 tensors from inside it. Identities hold them:
 * TensorFlow fuses a convolution with the Swish after it, and then does not find the bias that was to be
 * fetched.
 * @param signature whose inputs it takes
 * @param tensors answered under their own names
 */
export function withProbe(
  meta: MetaGraphDef,
  signature: string,
  tensors: readonly string[],
): MetaGraphDef {
  const { graphDef, metaInfoDef, signatureDef } = meta;
  const holders = tensors.map((tensor, index) =>
    nodeDef(`${PROBE}/${index}`, 'Identity', [tensor], { T: typeAttr(DataType.DT_FLOAT) }),
  );
  return create(MetaGraphDefSchema, {
    graphDef: create(GraphDefSchema, {
      node: [...(graphDef?.node ?? []), ...holders],
      ...(graphDef?.versions === undefined ? {} : { versions: graphDef.versions }),
      ...(graphDef?.library === undefined ? {} : { library: graphDef.library }),
    }),
    ...(metaInfoDef === undefined ? {} : { metaInfoDef }),
    signatureDef: {
      ...signatureDef,
      [PROBE]: create(SignatureDefSchema, {
        methodName: 'tensorflow/serving/predict',
        inputs: signatureDef[signature]?.inputs ?? {},
        outputs: Object.fromEntries(
          tensors.map((tensor, index) => [tensor, floatTensor(holders[index]?.name ?? tensor)]),
        ),
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
