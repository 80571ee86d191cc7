import { create } from '@bufbuild/protobuf';

import { boolAttr, booleanOf, tensorAttr, typeAttr } from '../../../rewriter/graph/attributes';
import type { FlatGraph } from '../../../rewriter/graph/flat-graph';
import {
  constantBehind,
  floatConstant,
  floatConstantAttributes,
  type FloatConstant,
} from '../../../rewriter/graph/float-constants';
import { readersOf } from '../../../rewriter/graph/fold-constants';
import { isControl, parseFlat } from '../../../rewriter/graph/references';
import { NotRewritableError } from '../../../rewriter/not-rewritable';
import {
  DataType,
  TensorProtoSchema,
  TensorShapeProtoSchema,
  type NodeDef,
} from '../../../saved-model/protobuf/tensorflow_pb';

/** Biases and the like stay as they are: too little to gain. */
const SMALLEST_QUANTIZED = 1024;
const LARGEST_INT8 = 127;

export interface Int8WeightsReport {
  /** Constants now stored in 8 bits. */
  readonly quantized: number;
  /** Numbers in them. */
  readonly values: number;
}

/** The dimensions of the weights that have a scale each; the others share it. */
type ChannelAxes = (node: NodeDef) => readonly number[];

/** By operation; weights are the second input of each. Negative counts from the end. */
const WEIGHTED: Readonly<Record<string, ChannelAxes>> = {
  Conv2D: () => [-1],
  Conv3D: () => [-1],
  // [height, width, channels, multiplier]
  DepthwiseConv2dNative: () => [-2, -1],
  // [height, width, outputs, inputs]
  Conv2DBackpropInput: () => [-2],
  MatMul: ({ attr }) => (booleanOf(attr, 'transpose_b') === true ? [-2] : [-1]),
  BatchMatMul: ({ attr }) => (booleanOf(attr, 'adj_y') === true ? [-2] : [-1]),
  BatchMatMulV2: ({ attr }) => (booleanOf(attr, 'adj_y') === true ? [-2] : [-1]),
};

/**
 * Stores weights in 8 bits with a scale per output channel; the graph multiplies them back.
 * @param kept nodes that signatures name
 * @throws NotRewritableError when there are no weights of a size worth it
 */
export function quantizeWeights(graph: FlatGraph, kept: ReadonlySet<string>): Int8WeightsReport {
  const readers = readersOf(graph);
  const dequantized = new Map<string, string>();
  let values = 0;
  for (const node of [...graph.nodes()]) {
    const axes = WEIGHTED[node.op]?.(node);
    const weights = constantBehind(graph, node.input[1] ?? '');
    if (axes === undefined || weights === undefined || kept.has(weights.name)) continue;
    if (!dequantized.has(weights.name)) {
      const constant = floatConstant(graph, weights.name);
      if (constant === undefined || constant.values.length < SMALLEST_QUANTIZED) continue;
      if (!onlyWeights(graph, weights.name, readers)) continue;
      if (!constant.values.every(Number.isFinite)) continue;
      dequantized.set(weights.name, addQuantized(graph, weights.name, constant, axes));
      values += constant.values.length;
    }
    node.input[1] = dequantized.get(weights.name) ?? weights.name;
  }
  if (dequantized.size === 0) {
    throw new NotRewritableError(
      `it has no weights of ${SMALLEST_QUANTIZED} numbers or more in a convolution or matrix product`,
    );
  }
  return { quantized: dequantized.size, values };
}

/** Whether nothing needs the constant as it is. */
function onlyWeights(
  graph: FlatGraph,
  name: string,
  readers: ReadonlyMap<string, readonly NodeDef[]>,
): boolean {
  return (readers.get(name) ?? []).every((reader) => {
    if (reader.op === 'Identity') return onlyWeights(graph, reader.name, readers);
    return (
      reader.op in WEIGHTED &&
      reader.input.every(
        (input, index) => index === 1 || isControl(input) || parseFlat(input).node !== name,
      )
    );
  });
}

/** @returns name of the node with the weights as float32 */
function addQuantized(
  graph: FlatGraph,
  name: string,
  constant: FloatConstant,
  channelAxes: readonly number[],
): string {
  const { shape } = constant;
  const axes = channelAxes.map((axis) => axis + shape.length);
  const { scales, quantized } = quantize(constant, axes);
  const scaleShape = shape.map((size, axis) => (axes.includes(axis) ? size : 1));
  const int8 = graph.add(graph.freeName(`${name}/int8`), 'Const', [], {
    dtype: typeAttr(DataType.DT_INT8),
    value: tensorAttr(
      create(TensorProtoSchema, {
        dtype: DataType.DT_INT8,
        tensorShape: create(TensorShapeProtoSchema, {
          dim: shape.map((size) => ({ size: BigInt(size) })),
        }),
        tensorContent: new Uint8Array(quantized.buffer),
      }),
    ),
  });
  const scale = graph.add(
    graph.freeName(`${name}/scale`),
    'Const',
    [],
    floatConstantAttributes({ shape: scaleShape, values: scales }),
  );
  const cast = graph.add(graph.freeName(`${name}/float32`), 'Cast', [int8.name], {
    SrcT: typeAttr(DataType.DT_INT8),
    DstT: typeAttr(DataType.DT_FLOAT),
    Truncate: boolAttr(false),
  });
  const product = graph.add(graph.freeName(`${name}/dequantized`), 'Mul', [cast.name, scale.name], {
    T: typeAttr(DataType.DT_FLOAT),
  });
  return product.name;
}

/** Symmetric: the largest magnitude of a channel is 127, and zero stays zero. */
function quantize(
  { shape, values }: FloatConstant,
  axes: readonly number[],
): { readonly scales: Float32Array; readonly quantized: Int8Array } {
  const channelOf = channelIndex(shape, axes);
  const channels = axes.reduce((product, axis) => product * (shape[axis] ?? 1), 1);
  const scales = new Float32Array(channels);
  values.forEach((value, index) => {
    const channel = channelOf(index);
    scales[channel] = Math.max(scales[channel] ?? 0, Math.abs(value) / LARGEST_INT8);
  });
  const quantized = Int8Array.from(values, (value, index) => {
    const scale = scales[channelOf(index)] ?? 0;
    const rounded = scale === 0 ? 0 : Math.round(value / scale);
    return Math.max(-LARGEST_INT8, Math.min(LARGEST_INT8, rounded));
  });
  return { scales, quantized };
}

/** From the place of a value to the place of its scale. */
function channelIndex(
  shape: readonly number[],
  axes: readonly number[],
): (index: number) => number {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  return (index) =>
    axes.reduce(
      (channel, axis) =>
        channel * (shape[axis] ?? 1) +
        (Math.floor(index / (strides[axis] ?? 1)) % (shape[axis] ?? 1)),
      0,
    );
}
