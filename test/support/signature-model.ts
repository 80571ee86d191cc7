import { create } from '@bufbuild/protobuf';

import {
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
  type TensorInfo,
} from '../../src/saved-model/protobuf/tensorflow_pb';
import { writeSavedModel } from '../../src/saved-model/saved-model-file';

type Shape = readonly number[] | undefined;

/** An output: `0.5 · input + 2` of a float32 input, an input as it is, or numbers that never change. */
type OutputSketch =
  | { readonly half: string; readonly shape: Shape }
  | { readonly same: string; readonly shape: Shape }
  | { readonly numbers: readonly number[]; readonly shape: readonly number[] };

export interface SignatureSketch {
  readonly inputs: Readonly<
    Record<string, { readonly dtype?: DataType | undefined; readonly shape: Shape }>
  >;
  readonly outputs: Readonly<Record<string, OutputSketch>>;
  /** @default tensorflow/serving/predict */
  readonly methodName?: string;
}

/** Writes a SavedModel without variables, of signatures with any names and shapes. */
export async function writeSignatures(
  directory: string,
  signatures: Readonly<Record<string, SignatureSketch>>,
): Promise<void> {
  const nodes: NodeDef[] = [];
  const add = (op: string, input: string[], attr: Attributes): string => {
    const name = `${op.toLowerCase()}_${String(nodes.length)}`;
    nodes.push(create(NodeDefSchema, { name, op, input, attr }));
    return name;
  };
  const constant = (values: readonly number[], shape: readonly number[]): string =>
    add('Const', [], {
      dtype: typeAttr(DataType.DT_FLOAT),
      value: tensorAttr(
        toTensorProto(
          { name: '', dtype: 'float32', shape, data: Float32Array.from(values) },
          DataType.DT_FLOAT,
        ),
      ),
    });
  const float = { T: typeAttr(DataType.DT_FLOAT) };

  const definition = ({ inputs, outputs, methodName }: SignatureSketch): SignatureDef => {
    const placed = new Map(
      Object.entries(inputs).map(([name, { dtype = DataType.DT_FLOAT, shape }]) => {
        const attr = shape === undefined ? {} : { shape: shapeAttr(shape) };
        const node = add('Placeholder', [], { dtype: typeAttr(dtype), ...attr });
        return [name, { node, dtype, shape }] as const;
      }),
    );
    const input = (name: string): { readonly node: string; readonly dtype: DataType } => {
      const found = placed.get(name);
      if (found === undefined) throw new Error(`the sketch has no input "${name}"`);
      return found;
    };
    const answered = (sketch: OutputSketch): TensorInfo => {
      if ('numbers' in sketch) {
        return info(constant(sketch.numbers, sketch.shape), DataType.DT_FLOAT, sketch.shape);
      }
      if ('half' in sketch) {
        const scaled = add('Mul', [input(sketch.half).node, constant([0.5], [])], float);
        const shifted = add('AddV2', [scaled, constant([2], [])], float);
        return info(shifted, DataType.DT_FLOAT, sketch.shape);
      }
      const { node, dtype } = input(sketch.same);
      return info(add('Identity', [node], { T: typeAttr(dtype) }), dtype, sketch.shape);
    };
    return create(SignatureDefSchema, {
      inputs: Object.fromEntries(
        [...placed].map(([name, { node, dtype, shape }]) => [name, info(node, dtype, shape)]),
      ),
      outputs: Object.fromEntries(
        Object.entries(outputs).map(([name, sketch]) => [name, answered(sketch)]),
      ),
      methodName: methodName ?? 'tensorflow/serving/predict',
    });
  };
  const signatureDef = Object.fromEntries(
    Object.entries(signatures).map(([name, sketch]) => [name, definition(sketch)]),
  );
  await writeSavedModel(
    directory,
    create(MetaGraphDefSchema, {
      metaInfoDef: create(MetaGraphDef_MetaInfoDefSchema, { tags: ['serve'] }),
      graphDef: create(GraphDefSchema, {
        node: nodes,
        versions: create(VersionDefSchema, { producer: 1882 }),
      }),
      signatureDef,
    }),
  );
}

function info(node: string, dtype: DataType, shape: Shape): TensorInfo {
  return create(TensorInfoSchema, {
    encoding: { case: 'name', value: `${node}:0` },
    dtype,
    tensorShape: create(
      TensorShapeProtoSchema,
      shape === undefined
        ? { unknownRank: true }
        : { dim: shape.map((size) => ({ size: BigInt(size) })) },
    ),
  });
}
