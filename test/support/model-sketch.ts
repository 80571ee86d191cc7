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
  type TensorInfo,
} from '../../src/saved-model/protobuf/tensorflow_pb';
import { writeSavedModel } from '../../src/saved-model/saved-model-file';

export type Shape = readonly number[] | undefined;

/** A tensor of a sketch, as a signature names it. */
export interface SketchedTensor {
  readonly node: string;
  readonly dtype: DataType;
  /** Undefined: of unknown rank. */
  readonly shape: Shape;
}

export interface SketchedSignature {
  readonly inputs: Readonly<Record<string, SketchedTensor>>;
  readonly outputs: Readonly<Record<string, SketchedTensor>>;
  /** @default tensorflow/serving/predict */
  readonly methodName?: string | undefined;
}

/** A SavedModel without variables, put together node by node; nodes get names of their own. */
export class ModelSketch {
  readonly #nodes: NodeDef[] = [];

  /** @returns the name of the node */
  add(op: string, input: string[], attr: Attributes): string {
    const name = `${op.toLowerCase()}_${String(this.#nodes.length)}`;
    this.#nodes.push(create(NodeDefSchema, { name, op, input, attr }));
    return name;
  }

  placeholder(dtype: DataType, shape: Shape): string {
    const attr = shape === undefined ? {} : { shape: shapeAttr(shape) };
    return this.add('Placeholder', [], { dtype: typeAttr(dtype), ...attr });
  }

  floats(values: readonly number[], shape: readonly number[] = []): string {
    const tensor = { name: '', dtype: 'float32', shape, data: Float32Array.from(values) } as const;
    return this.add('Const', [], {
      dtype: typeAttr(DataType.DT_FLOAT),
      value: tensorAttr(toTensorProto(tensor, DataType.DT_FLOAT)),
    });
  }

  integers(values: readonly number[]): string {
    const data = Int32Array.from(values);
    const tensor = { name: '', dtype: 'int32', shape: [values.length], data } as const;
    return this.add('Const', [], {
      dtype: typeAttr(DataType.DT_INT32),
      value: tensorAttr(toTensorProto(tensor, DataType.DT_INT32)),
    });
  }

  /** The input itself where it has the type already. */
  cast(input: string, from: DataType, to: DataType): string {
    if (from === to) return input;
    return this.add('Cast', [input], { SrcT: typeAttr(from), DstT: typeAttr(to) });
  }

  async write(
    directory: string,
    signatures: Readonly<Record<string, SketchedSignature>>,
  ): Promise<void> {
    const signatureDef = Object.fromEntries(
      Object.entries(signatures).map(([name, { inputs, outputs, methodName }]) => [
        name,
        create(SignatureDefSchema, {
          inputs: infos(inputs),
          outputs: infos(outputs),
          methodName: methodName ?? 'tensorflow/serving/predict',
        }),
      ]),
    );
    await writeSavedModel(
      directory,
      create(MetaGraphDefSchema, {
        metaInfoDef: create(MetaGraphDef_MetaInfoDefSchema, { tags: ['serve'] }),
        graphDef: create(GraphDefSchema, {
          node: this.#nodes,
          versions: create(VersionDefSchema, { producer: 1882 }),
        }),
        signatureDef,
      }),
    );
  }
}

function infos(tensors: Readonly<Record<string, SketchedTensor>>): Record<string, TensorInfo> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { node, dtype, shape }]) => [
      name,
      create(TensorInfoSchema, {
        encoding: { case: 'name', value: `${node}:0` },
        dtype,
        tensorShape: create(
          TensorShapeProtoSchema,
          shape === undefined
            ? { unknownRank: true }
            : { dim: shape.map((size) => ({ size: BigInt(size) })) },
        ),
      }),
    ]),
  );
}
