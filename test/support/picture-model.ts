import { create } from '@bufbuild/protobuf';

import {
  boolAttr,
  shapeAttr,
  tensorAttr,
  typeAttr,
  type Attributes,
} from '../../src/rewriter/graph/attributes';
import { toTensorProto } from '../../src/rewriter/graph/constants';
import {
  DataType,
  GraphDefSchema,
  MetaGraphDefSchema,
  MetaGraphDef_MetaInfoDefSchema,
  NodeDefSchema,
  SignatureDefSchema,
  TensorInfoSchema,
  TensorShapeProtoSchema,
  VersionDefSchema,
  type NodeDef,
  type SignatureDef,
} from '../../src/saved-model/protobuf/tensorflow_pb';
import { writeSavedModel } from '../../src/saved-model/saved-model-file';

const TYPES = {
  float32: DataType.DT_FLOAT,
  int32: DataType.DT_INT32,
  uint8: DataType.DT_UINT8,
} as const;

export interface PictureModel {
  /** Type of the input. @default float32 */
  readonly dtype?: keyof typeof TYPES;
  /** @default NHWC */
  readonly layout?: 'NHWC' | 'NCHW';
  /** Height and width of the input. @default any */
  readonly side?: number;
  /** @default 3 */
  readonly channels?: 1 | 3;
  /**
   * `scaled`: input · gain + shift, a picture. `quotient`: input / input, no number where it is 0.
   * `classes`: the mean colour times `weights` [3, classes]. `frame`: input + a black picture of
   * that side, which TensorFlow refuses to add to one of another.
   */
  readonly network:
    | { readonly kind: 'scaled'; readonly gain: number; readonly shift: number }
    | { readonly kind: 'quotient' }
    | { readonly kind: 'frame'; readonly side: number }
    | { readonly kind: 'classes'; readonly weights: readonly (readonly number[])[] };
  /** Type of a picture that is answered. @default float32 */
  readonly answers?: 'float32' | 'int32';
  /** @default serving_default */
  readonly signature?: string;
}

/** Writes a SavedModel without variables, of one signature from `x` to `y`. */
export async function writePictureModel(
  directory: string,
  {
    dtype = 'float32',
    layout = 'NHWC',
    side = -1,
    channels = 3,
    network,
    answers = 'float32',
    signature = 'serving_default',
  }: PictureModel,
): Promise<void> {
  const nodes: NodeDef[] = [];
  const add = (op: string, input: string[], attr: Attributes): string => {
    const name = `${op.toLowerCase()}_${String(nodes.length)}`;
    nodes.push(create(NodeDefSchema, { name, op, input, attr }));
    return name;
  };
  const float = { T: typeAttr(DataType.DT_FLOAT) };
  const constant = (values: readonly number[], shape: readonly number[] = []): string =>
    add('Const', [], {
      dtype: typeAttr(DataType.DT_FLOAT),
      value: tensorAttr(
        toTensorProto(
          { name: '', dtype: 'float32', shape, data: Float32Array.from(values) },
          DataType.DT_FLOAT,
        ),
      ),
    });
  const cast = (input: string, from: DataType, to: DataType): string =>
    from === to ? input : add('Cast', [input], { SrcT: typeAttr(from), DstT: typeAttr(to) });

  const shape = layout === 'NHWC' ? [-1, side, side, channels] : [-1, channels, side, side];
  const type = TYPES[dtype];
  const x = add('Placeholder', [], { dtype: typeAttr(type), shape: shapeAttr(shape) });
  const input = cast(x, type, DataType.DT_FLOAT);
  let output: string;
  let outputShape: readonly number[] = shape;
  let outputType: DataType = DataType.DT_FLOAT;
  if (network.kind === 'classes') {
    const axes = add('Const', [], {
      dtype: typeAttr(DataType.DT_INT32),
      value: tensorAttr(
        toTensorProto(
          {
            name: '',
            dtype: 'int32',
            shape: [2],
            data: Int32Array.from(layout === 'NHWC' ? [1, 2] : [2, 3]),
          },
          DataType.DT_INT32,
        ),
      ),
    });
    const mean = add('Mean', [input, axes], {
      ...float,
      Tidx: typeAttr(DataType.DT_INT32),
      keep_dims: boolAttr(false),
    });
    const classes = network.weights[0]?.length ?? 0;
    const weights = constant(network.weights.flat(), [channels, classes]);
    output = add('MatMul', [mean, weights], float);
    outputShape = [-1, classes];
  } else {
    if (network.kind === 'quotient') {
      output = add('RealDiv', [input, input], float);
    } else if (network.kind === 'frame') {
      const black = new Array<number>(network.side ** 2).fill(0);
      output = add('AddV2', [input, constant(black, [1, network.side, network.side, 1])], float);
    } else {
      const scaled = add('Mul', [input, constant([network.gain])], float);
      output = add('AddV2', [scaled, constant([network.shift])], float);
    }
    outputType = TYPES[answers];
    output = cast(output, DataType.DT_FLOAT, outputType);
  }
  await writeSavedModel(
    directory,
    create(MetaGraphDefSchema, {
      metaInfoDef: create(MetaGraphDef_MetaInfoDefSchema, { tags: ['serve'] }),
      graphDef: create(GraphDefSchema, {
        node: nodes,
        versions: create(VersionDefSchema, { producer: 1882 }),
      }),
      signatureDef: {
        [signature]: create(SignatureDefSchema, {
          inputs: { x: info(x, type, shape) },
          outputs: { y: info(output, outputType, outputShape) },
          methodName: 'tensorflow/serving/predict',
        }),
      },
    }),
  );
}

function info(
  node: string,
  dtype: DataType,
  shape: readonly number[],
): SignatureDef['inputs'][string] {
  return create(TensorInfoSchema, {
    encoding: { case: 'name', value: `${node}:0` },
    dtype,
    tensorShape: create(TensorShapeProtoSchema, {
      dim: shape.map((size) => ({ size: BigInt(size) })),
    }),
  });
}
