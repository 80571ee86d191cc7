import { create } from '@bufbuild/protobuf';

import { shapeAttr, tensorAttr, textAttr, typeAttr } from '../../src/rewriter/graph/attributes';
import { FlatGraph } from '../../src/rewriter/graph/flat-graph';
import { floatConstantAttributes } from '../../src/rewriter/graph/float-constants';
import {
  AttrValueSchema,
  AttrValue_ListValueSchema,
  DataType,
  GraphDefSchema,
  MetaGraphDefSchema,
  SignatureDefSchema,
  TensorInfoSchema,
  TensorProtoSchema,
  TensorShapeProtoSchema,
  type MetaGraphDef,
} from '../../src/saved-model/protobuf/tensorflow_pb';

export const FLOAT = { T: typeAttr(DataType.DT_FLOAT) };

/** A graph with the float32 input `x`. */
export function graphOf(shape: readonly number[], build: (graph: FlatGraph) => void): FlatGraph {
  const graph = new FlatGraph([]);
  graph.add('x', 'Placeholder', [], {
    dtype: typeAttr(DataType.DT_FLOAT),
    shape: shapeAttr(shape),
  });
  build(graph);
  return graph;
}

/** Values between −scale and scale, the same every time. */
export function weights(
  graph: FlatGraph,
  name: string,
  shape: readonly number[],
  scale = 1,
): string {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Float32Array.from({ length: count }, (_, i) => scale * Math.sin(i * 12.9898 + 1));
  graph.add(name, 'Const', [], floatConstantAttributes({ shape, values }));
  return name;
}

/** A float32 constant without dimensions. */
export function scalar(graph: FlatGraph, name: string, value: number): string {
  const values = Float32Array.of(value);
  graph.add(name, 'Const', [], floatConstantAttributes({ shape: [], values }));
  return name;
}

export function ints(
  graph: FlatGraph,
  name: string,
  values: readonly number[],
  shape: readonly number[] = [values.length],
): string {
  graph.add(name, 'Const', [], {
    dtype: typeAttr(DataType.DT_INT32),
    value: tensorAttr(
      create(TensorProtoSchema, {
        dtype: DataType.DT_INT32,
        tensorShape: create(TensorShapeProtoSchema, {
          dim: shape.map((size) => ({ size: BigInt(size) })),
        }),
        intVal: [...values],
      }),
    ),
  });
  return name;
}

export function convolution(graph: FlatGraph, name: string, input: string, filter: string): string {
  const strides = create(AttrValue_ListValueSchema, { i: [1n, 1n, 1n, 1n] });
  graph.add(name, 'Conv2D', [input, filter], {
    ...FLOAT,
    strides: create(AttrValueSchema, { value: { case: 'list', value: strides } }),
    padding: textAttr('SAME'),
  });
  return name;
}

export function mean(graph: FlatGraph, name: string, input: string): string {
  graph.add(name, 'Mean', [input, ints(graph, `${name}/axes`, [1, 2])], {
    ...FLOAT,
    Tidx: typeAttr(DataType.DT_INT32),
  });
  return name;
}

/** A servable graph that answers the given nodes. */
export function metaOf(
  graph: FlatGraph,
  shape: readonly number[],
  outputs: Readonly<
    Record<
      string,
      { readonly node: string; readonly dtype?: DataType; readonly shape?: readonly number[] }
    >
  >,
): MetaGraphDef {
  const info = (node: string, dtype: DataType, dims?: readonly number[]) =>
    create(TensorInfoSchema, {
      encoding: { case: 'name', value: `${node}:0` },
      dtype,
      tensorShape: create(
        TensorShapeProtoSchema,
        dims === undefined
          ? { unknownRank: true }
          : { dim: dims.map((size) => ({ size: BigInt(size) })) },
      ),
    });
  return create(MetaGraphDefSchema, {
    metaInfoDef: { tags: ['serve'] },
    graphDef: create(GraphDefSchema, {
      node: [...graph.nodes()],
      versions: { producer: 1882 },
    }),
    signatureDef: {
      serving_default: create(SignatureDefSchema, {
        inputs: { x: info('x', DataType.DT_FLOAT, shape) },
        outputs: Object.fromEntries(
          Object.entries(outputs).map(([name, { node, dtype = DataType.DT_FLOAT, shape: own }]) => [
            name,
            info(node, dtype, own),
          ]),
        ),
        methodName: 'tensorflow/serving/predict',
      }),
    },
  });
}
