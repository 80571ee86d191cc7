import { DataType, type NodeDef } from '../../saved-model/protobuf/tensorflow_pb';
import { booleanOf, numberOf, textAttr, textOf, typeAttr, typeOf } from './attributes';
import type { FlatGraph } from './flat-graph';
import { floatConstant, floatConstantAttributes, type FloatConstant } from './float-constants';
import { readersOf } from './fold-constants';
import { isControl, parseFlat } from './references';

const BATCH_NORMS = new Set(['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3']);
const FUSED_EPSILON = 1e-4;

/** What a chain of nodes does to each channel: times `scale`, plus `offset`. */
interface Affine {
  readonly scale: Float64Array;
  readonly offset: Float64Array;
  /** Whether there is anything to multiply; an addition alone is left to TensorFlow. */
  readonly scales: boolean;
}

type DataFormat = 'NHWC' | 'NCHW';

/**
 * Folds the multiplications and additions per channel that follow a convolution or a matrix product,
 * batch normalisation above all, into its weights and one bias. TensorFlow does so itself only for
 * some of the operations and orders.
 * @param kept nodes that signatures name
 */
export function foldScales(graph: FlatGraph, kept: ReadonlySet<string>): void {
  const readers = readersOf(graph);
  for (const node of [...graph.nodes()]) {
    const layer = layerOf(graph, node);
    if (layer === undefined) continue;
    let affine: Affine = {
      scale: new Float64Array(layer.channels).fill(1),
      offset: new Float64Array(layer.channels),
      scales: false,
    };
    let last = node;
    for (;;) {
      if (kept.has(last.name)) break;
      const [reader, ...others] = readers.get(last.name) ?? [];
      if (reader === undefined || others.length > 0) break;
      const next = stepOf(graph, reader, last.name, layer, readers);
      if (next === undefined) break;
      affine = then(affine, next);
      last = reader;
    }
    if (affine.scales) replace(graph, node, last, layer, affine);
  }
}

interface Layer {
  readonly weights: FloatConstant;
  readonly channels: number;
  readonly format: DataFormat;
  /** Dimensions of its output. */
  readonly rank: 2 | 4;
}

/** A node whose weights can take a factor per output channel. */
function layerOf(graph: FlatGraph, node: NodeDef): Layer | undefined {
  const isConvolution = node.op === 'Conv2D' || node.op === 'DepthwiseConv2dNative';
  const isProduct = node.op === 'MatMul' && booleanOf(node.attr, 'transpose_b') !== true;
  if (!isConvolution && !isProduct) return undefined;
  if (typeOf(node.attr, 'T') !== DataType.DT_FLOAT || node.input.some(isControl)) return undefined;
  const format = isProduct ? 'NHWC' : (textOf(node.attr, 'data_format') ?? 'NHWC');
  if (format !== 'NHWC' && format !== 'NCHW') return undefined;
  const weights = floatConstant(graph, node.input[1] ?? '');
  if (weights === undefined) return undefined;
  const [last = 0, before = 1] = weights.shape.toReversed();
  // Depthwise weights are [height, width, channels, multiplier].
  const channels = node.op === 'DepthwiseConv2dNative' ? last * before : last;
  return channels > 0 ? { weights, channels, format, rank: isProduct ? 2 : 4 } : undefined;
}

/** What `node` does to each channel of `source`; undefined when it is not of that kind. */
function stepOf(
  graph: FlatGraph,
  node: NodeDef,
  source: string,
  layer: Layer,
  readers: ReadonlyMap<string, readonly NodeDef[]>,
): Affine | undefined {
  if (node.input.some(isControl)) return undefined;
  if (BATCH_NORMS.has(node.op)) return batchNorm(graph, node, source, layer, readers);
  const places = node.input.map((input) => parseFlat(input).node === source);
  if (places.filter(Boolean).length !== 1 || node.input.length !== 2) return undefined;
  const other = node.input[places.indexOf(false)] ?? '';
  const constant = floatConstant(graph, other);
  if (constant === undefined) return undefined;
  const format =
    node.op === 'BiasAdd' ? (textOf(node.attr, 'data_format') ?? 'NHWC') : layer.format;
  const values =
    node.op === 'BiasAdd' && format === layer.format
      ? [...constant.values]
      : perChannel(constant, layer);
  if (values?.length !== layer.channels) return undefined;
  const ones = new Float64Array(layer.channels).fill(1);
  switch (node.op) {
    case 'Mul':
      return {
        scale: Float64Array.from(values),
        offset: new Float64Array(layer.channels),
        scales: true,
      };
    case 'BiasAdd':
    case 'Add':
    case 'AddV2':
      return { scale: ones, offset: Float64Array.from(values), scales: false };
    case 'Sub':
      // `constant - x` would turn the sign of x.
      return places[0] === true
        ? { scale: ones, offset: Float64Array.from(values, (value) => -value), scales: false }
        : undefined;
    default:
      return undefined;
  }
}

/** A constant that broadcasts along everything but channels. */
function perChannel(
  { shape, values }: FloatConstant,
  { channels, format, rank }: Layer,
): number[] | undefined {
  // With more dimensions than the output it would give the output more.
  if (shape.length > rank) return undefined;
  if (values.length === 1) return Array.from({ length: channels }, () => values[0] ?? 0);
  const channelAt = format === 'NHWC' ? shape.length - 1 : shape.length - 3;
  if (channelAt < 0) return undefined;
  const onlyThere = shape.every((size, index) => size === (index === channelAt ? channels : 1));
  return onlyThere ? [...values] : undefined;
}

function batchNorm(
  graph: FlatGraph,
  node: NodeDef,
  source: string,
  { channels, format }: Layer,
  readers: ReadonlyMap<string, readonly NodeDef[]>,
): Affine | undefined {
  if (booleanOf(node.attr, 'is_training') !== false) return undefined;
  if ((textOf(node.attr, 'data_format') ?? 'NHWC') !== format) return undefined;
  if (parseFlat(node.input[0] ?? '').node !== source) return undefined;
  const statisticsRead = (readers.get(node.name) ?? []).some(({ input }) =>
    input.some((name) => parseFlat(name).node === node.name && parseFlat(name).index > 0),
  );
  if (statisticsRead) return undefined;
  const [gamma, beta, mean, variance] = node.input
    .slice(1)
    .map((input) => floatConstant(graph, input)?.values);
  if (gamma === undefined || beta === undefined || mean === undefined || variance === undefined) {
    return undefined;
  }
  if ([gamma, beta, mean, variance].some(({ length }) => length !== channels)) return undefined;
  const epsilon = numberOf(node.attr, 'epsilon') ?? FUSED_EPSILON;
  const scale = Float64Array.from(gamma, (g, i) => g / Math.sqrt((variance[i] ?? 0) + epsilon));
  const offset = Float64Array.from(beta, (b, i) => b - (mean[i] ?? 0) * (scale[i] ?? 0));
  return { scale, offset, scales: true };
}

function then(first: Affine, second: Affine): Affine {
  return {
    scale: first.scale.map((value, i) => value * (second.scale[i] ?? 1)),
    offset: first.offset.map(
      (value, i) => value * (second.scale[i] ?? 1) + (second.offset[i] ?? 0),
    ),
    scales: first.scales || second.scales,
  };
}

/** The last node of the chain becomes the bias, under its own name: its readers stay as they are. */
function replace(
  graph: FlatGraph,
  node: NodeDef,
  last: NodeDef,
  layer: Layer,
  affine: Affine,
): void {
  const { weights, channels, format } = layer;
  // Channels are the fastest-moving dimension of the weights in every layer handled here.
  const values = weights.values.map((value, i) => value * (affine.scale[i % channels] ?? 1));
  const scaled = graph.add(
    graph.freeName(`${node.name}/scaled_weights`),
    'Const',
    [],
    floatConstantAttributes({ shape: weights.shape, values }),
  );
  const bias = graph.add(
    graph.freeName(`${node.name}/folded_bias`),
    'Const',
    [],
    floatConstantAttributes({ shape: [channels], values: Float32Array.from(affine.offset) }),
  );
  node.input = [node.input[0] ?? '', scaled.name];
  last.op = 'BiasAdd';
  last.input = [node.name, bias.name];
  last.attr = { T: typeAttr(DataType.DT_FLOAT), data_format: textAttr(format) };
}
