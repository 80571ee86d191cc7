import { DataType, type NodeDef } from '../../saved-model/protobuf/tensorflow_pb';
import { booleanOf, integersOf, textOf, typeOf } from '../graph/attributes';
import type { FlatGraph } from '../graph/flat-graph';
import { floatConstant, type FloatConstant } from '../graph/float-constants';
import { readersOf } from '../graph/fold-constants';
import { nodesInOrder } from '../graph/nodes-in-order';
import { formatFlat, isControl, parseFlat } from '../graph/references';

type LayerKind = 'convolution' | 'depthwise' | 'product';

/**
 * A convolution or matrix product with what a kernel in 8 bits does in one go: its bias, a residual sum
 * and a ReLU. All of it is known by the nodes of the float graph.
 */
export interface Layer {
  /** The convolution or product. */
  readonly node: NodeDef;
  readonly kind: LayerKind;
  /** Tensor of the activations that it reads. */
  readonly input: string;
  readonly weights: FloatConstant;
  readonly channels: number;
  readonly bias: Float32Array;
  /** Tensor that is added before the activation. */
  readonly summand: string | undefined;
  /** Largest value of its ReLU: 6, infinite, or undefined without one. */
  readonly ceiling: number | undefined;
  /** Names of the nodes that the kernel stands for. */
  readonly chain: readonly string[];
  /** The last of them, whose readers read the layer. */
  readonly output: NodeDef;
}

const CEILINGS: Readonly<Record<string, number>> = { Relu: Infinity, Relu6: 6 };
const ADDITIONS = new Set(['Add', 'AddV2', 'AddN']);

/**
 * Layers that there are kernels in 8 bits for, each after those it reads.
 * @param kept nodes that signatures name: what follows them is not fused
 */
export function findLayers(graph: FlatGraph, kept: ReadonlySet<string>): readonly Layer[] {
  const readers = readersOf(graph);
  const order = nodesInOrder(graph);
  const claimed = new Set<string>();
  const layers: Layer[] = [];
  // From the end: where two convolutions meet in a sum, the later one has what the other computed.
  for (const node of order.toReversed()) {
    const base = baseOf(graph, node);
    if (base === undefined) continue;
    const layer = extend(graph, kept, readers, claimed, base);
    for (const name of layer.chain) claimed.add(name);
    layers.push(layer);
  }
  return layers.reverse();
}

/** Name of the last node before the sum and the activation. */
export function endOfBias({ chain, summand, ceiling, node }: Layer): string {
  const after = (summand === undefined ? 0 : 1) + (ceiling === undefined ? 0 : 1);
  return chain.at(-1 - after) ?? node.name;
}

function baseOf(graph: FlatGraph, node: NodeDef): Layer | undefined {
  const kind = kindOf(node);
  if (kind === undefined || node.input.some(isControl)) return undefined;
  if ((typeOf(node.attr, 'T') ?? DataType.DT_FLOAT) !== DataType.DT_FLOAT) return undefined;
  const weights = floatConstant(graph, node.input[1] ?? '');
  const input = node.input[0];
  if (weights === undefined || input === undefined) return undefined;
  if (floatConstant(graph, input) !== undefined) return undefined;
  if (!weights.values.every(Number.isFinite)) return undefined;
  const channels = weights.shape.at(kind === 'depthwise' ? 2 : -1) ?? 0;
  // A multiplier makes several channels of one, which the kernels were not tried on.
  if (kind === 'depthwise' && weights.shape.at(-1) !== 1) return undefined;
  return {
    node,
    kind,
    input: formatFlat(parseFlat(input)),
    weights,
    channels,
    bias: new Float32Array(channels),
    summand: undefined,
    ceiling: undefined,
    chain: [node.name],
    output: node,
  };
}

/** The layer with one more node at its end. */
function withNode(layer: Layer, output: NodeDef, change: Partial<Layer>): Layer {
  return { ...layer, ...change, output, chain: [...layer.chain, output.name] };
}

function kindOf({ op, attr }: NodeDef): LayerKind | undefined {
  const format = textOf(attr, 'data_format') ?? 'NHWC';
  switch (op) {
    case 'Conv2D':
      return format === 'NHWC' ? 'convolution' : undefined;
    case 'DepthwiseConv2dNative':
      return format === 'NHWC' && (integersOf(attr, 'dilations') ?? []).every((size) => size === 1)
        ? 'depthwise'
        : undefined;
    case 'MatMul':
      return booleanOf(attr, 'transpose_a') === true || booleanOf(attr, 'transpose_b') === true
        ? undefined
        : 'product';
    default:
      return undefined;
  }
}

/** Takes in what follows, as far as nobody else reads it. */
function extend(
  graph: FlatGraph,
  kept: ReadonlySet<string>,
  readers: ReadonlyMap<string, readonly NodeDef[]>,
  claimed: ReadonlySet<string>,
  base: Layer,
): Layer {
  const next = ({ output }: Layer): NodeDef | undefined => {
    const [reader, ...others] = readers.get(output.name) ?? [];
    if (reader === undefined || others.length > 0 || kept.has(output.name)) return undefined;
    return reader.input.some(isControl) || claimed.has(reader.name) ? undefined : reader;
  };
  let layer = base;
  let reader = next(layer);
  const bias = reader === undefined ? undefined : biasOf(graph, reader, layer);
  if (reader !== undefined && bias !== undefined) {
    layer = withNode(layer, reader, { bias });
    reader = next(layer);
  }
  // Products answer in float32, and what follows stays as it is.
  if (layer.kind === 'product') return layer;
  if (layer.kind === 'convolution' && reader !== undefined) {
    const summand = summandOf(graph, reader, layer);
    if (summand !== undefined) {
      layer = withNode(layer, reader, { summand });
      reader = next(layer);
    }
  }
  const ceiling = reader === undefined ? undefined : CEILINGS[reader.op];
  return reader === undefined || ceiling === undefined
    ? layer
    : withNode(layer, reader, { ceiling });
}

/** The values that `node` adds to each channel. */
function biasOf(graph: FlatGraph, node: NodeDef, layer: Layer): Float32Array | undefined {
  if (node.op !== 'BiasAdd' && !ADDITIONS.has(node.op)) return undefined;
  if (node.op === 'BiasAdd' && (textOf(node.attr, 'data_format') ?? 'NHWC') !== 'NHWC') {
    return undefined;
  }
  const other = otherInput(node, layer.output.name);
  const constant = other === undefined ? undefined : floatConstant(graph, other);
  if (constant === undefined || constant.shape.at(-1) !== layer.channels) return undefined;
  const rank = layer.kind === 'product' ? 2 : 4;
  const fits = constant.values.length === layer.channels && constant.shape.length <= rank;
  return fits ? constant.values : undefined;
}

/** The tensor that `node` adds to the whole. */
function summandOf(graph: FlatGraph, node: NodeDef, layer: Layer): string | undefined {
  if (!ADDITIONS.has(node.op)) return undefined;
  const other = otherInput(node, layer.output.name);
  if (other === undefined || floatConstant(graph, other) !== undefined) return undefined;
  return formatFlat(parseFlat(other));
}

function otherInput({ input }: NodeDef, name: string): string | undefined {
  if (input.length !== 2) return undefined;
  const others = input.filter((tensor) => parseFlat(tensor).node !== name);
  return others.length === 1 ? others[0] : undefined;
}
