import { NotRewritableError } from '../not-rewritable';
import { hasOldControlFlow } from '../graph/drop-idle-waits';
import type { FlatGraph } from '../graph/flat-graph';
import { readersOf } from '../graph/fold-constants';
import { nodeOf } from '../graph/references';
import type { NodeDef } from '../../saved-model/protobuf/tensorflow_pb';
import { quantize, dequantizeInto, type ByteTensor } from './byte-tensors';
import { carriedTensors, carry, copyOf, type CarriedTensors } from './carried-operations';
import { endOfBias, findLayers, type Layer } from './find-layers';
import { GraphWriter } from './graph-writer';
import { quantizationOf, type Quantization, type Range } from './quantization';
import type { WeightCache } from './quantize-weights';
import { sharedRanges } from './shared-ranges';
import { writeLayer, type LayerInput } from './write-layer';
import { writeProduct } from './write-product';

/** What is to compute in 8 bits, by the names that the float graph has. */
export interface QuantizationPlan {
  /** Names of convolutions and matrix products. */
  readonly layers: ReadonlySet<string>;
  /** Between which values a tensor lies; a layer without ranges of what it reads and answers stays float32. */
  readonly ranges: ReadonlyMap<string, Range>;
  /** Mean of each channel of a tensor, for biases to make up for the rounding of weights. */
  readonly means: ReadonlyMap<string, ArrayLike<number>>;
  /** Of tensors, as they were seen. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Whether heights and widths are always those of `shapes`. */
  readonly fixedSizes: boolean;
}

export interface QuantizationReport {
  /** Layers that compute in 8 bits. */
  readonly quantized: readonly string[];
  /** Layers of the plan that stay in float32, with the reason. */
  readonly left: ReadonlyMap<string, string>;
}

/**
 * Lets layers compute in 8 bits. Activations stay in 8 bits between them, through operations that only
 * move values; everywhere else they become float32 again. Kernels know no zero point: where one is
 * needed, for values below zero, biases make up for it, which is exact.
 * @param graph changed in place; nodes that nothing reads any more stay until it is pruned
 * @param kept nodes that signatures name: their names and types stay
 * @param weights what was made of the weights of the same graph before
 */
export function quantizeGraph(
  graph: FlatGraph,
  kept: ReadonlySet<string>,
  plan: QuantizationPlan,
  weights: WeightCache = new Map(),
): QuantizationReport {
  if (hasOldControlFlow(graph)) {
    throw new NotRewritableError('it has control flow of TensorFlow 1: types cannot be changed');
  }
  const layers = findLayers(graph, kept);
  const quantizer = new Quantizer(graph, kept, plan, carriedTensors(graph, layers), weights);
  return quantizer.run(layers.filter(({ node }) => plan.layers.has(node.name)));
}

class Quantizer {
  readonly #graph: FlatGraph;
  readonly #kept: ReadonlySet<string>;
  readonly #plan: QuantizationPlan;
  readonly #writer: GraphWriter;
  readonly #readers: ReadonlyMap<string, readonly NodeDef[]>;
  readonly #ranges: (tensor: string) => Range | undefined;
  readonly #bytes = new Map<string, ByteTensor>();
  /** As the graph was: layers change their last node into what answers float32. */
  readonly #sources: ReadonlyMap<string, readonly string[]>;
  readonly #carried: CarriedTensors;
  readonly #weights: WeightCache;

  constructor(
    graph: FlatGraph,
    kept: ReadonlySet<string>,
    plan: QuantizationPlan,
    carried: CarriedTensors,
    weights: WeightCache,
  ) {
    this.#graph = graph;
    this.#kept = kept;
    this.#plan = plan;
    this.#writer = new GraphWriter(graph);
    this.#readers = readersOf(graph);
    this.#ranges = sharedRanges(carried, plan.ranges);
    this.#carried = carried;
    this.#weights = weights;
    this.#sources = new Map([...graph.nodes()].map(({ name, input }) => [name, [...input]]));
  }

  run(layers: readonly Layer[]): QuantizationReport {
    const quantized: string[] = [];
    const left = new Map<string, string>();
    for (const layer of layers) {
      const reason = layer.kind === 'product' ? this.#product(layer) : this.#layer(layer);
      if (reason === undefined) quantized.push(layer.node.name);
      else left.set(layer.node.name, reason);
    }
    return { quantized, left };
  }

  /** @returns why it stays float32 */
  #product(layer: Layer): string | undefined {
    const input = this.#inBytes(layer.input);
    if (input === undefined) return `no range is known of ${layer.input}`;
    const means = this.#plan.means.get(layer.input);
    writeProduct(this.#writer, layer, input, { means, cache: this.#weights });
    return undefined;
  }

  #layer(found: Layer): string | undefined {
    const layer = this.#sumFits(found) ? found : withoutSum(this.#graph, found);
    const wanted = this.#quantizationOf(layer.output.name);
    const input = this.#inputOf(layer);
    if (wanted === undefined) return `no range is known of ${layer.output.name}`;
    if (input === undefined) return `no range is known of ${layer.input}`;
    const summand = layer.summand === undefined ? undefined : this.#summandOf(layer, layer.summand);
    const bytes = writeLayer(this.#writer, layer, {
      input,
      wanted,
      summand,
      means: this.#plan.means.get(layer.input),
      cache: this.#weights,
    });
    if (bytes === undefined) {
      return 'its padding depends on the size of its input, whose values have a sign';
    }
    this.#bytes.set(layer.output.name, bytes);
    dequantizeInto(this.#writer, layer.output, bytes);
    return undefined;
  }

  #inputOf({ input, kind }: Layer): LayerInput | undefined {
    const range = this.#ranges(input);
    if (range === undefined) return undefined;
    const shape = this.#plan.fixedSizes ? this.#plan.shapes.get(input) : undefined;
    const known = this.#native(input);
    return {
      bytes: () => known ?? this.#inBytes(input),
      // Only a float tensor can become bytes with a sign, and only convolutions take them.
      float: known === undefined && kind === 'convolution' ? { tensor: input, range } : undefined,
      quantization: known ?? quantizationOf(range),
      shape,
    };
  }

  /** Whether both sides of a sum have one shape, and the other side has a range. */
  #sumFits(layer: Layer): boolean {
    const { summand } = layer;
    if (summand === undefined) return true;
    const { shapes } = this.#plan;
    const [a, b] = [shapes.get(summand), shapes.get(endOfBias(layer))];
    return a !== undefined && a.join() === b?.join() && this.#ranges(summand) !== undefined;
  }

  /** The kernel overwrites what it adds to: where others may still read that, it gets a copy. */
  #summandOf({ node, chain }: Layer, tensor: string): ByteTensor | undefined {
    const bytes = this.#inBytes(tensor);
    if (bytes === undefined) return undefined;
    const name = nodeOf(tensor);
    const before = this.#ancestorsOf(node.name);
    const done = (this.#readers.get(name) ?? []).every((reader) =>
      chain.includes(reader.name) ? reader.name !== node.name : before.has(reader.name),
    );
    const own = !this.#carried.has(name);
    return done && own && !this.#kept.has(name) ? bytes : copyOf(this.#writer, bytes);
  }

  #ancestorsOf(name: string): ReadonlySet<string> {
    const seen = new Set<string>();
    const waiting = [...(this.#sources.get(name) ?? [])];
    for (let input = waiting.pop(); input !== undefined; input = waiting.pop()) {
      const source = nodeOf(input);
      if (seen.has(source)) continue;
      seen.add(source);
      waiting.push(...(this.#sources.get(source) ?? []));
    }
    return seen;
  }

  /** A tensor in 8 bits; quantised from float32 where it is not computed in 8 bits. */
  #inBytes(tensor: string): ByteTensor | undefined {
    const native = this.#native(tensor);
    if (native !== undefined) return native;
    const wanted = this.#quantizationOf(tensor);
    if (wanted === undefined) return undefined;
    const bytes = quantize(this.#writer, tensor, wanted);
    this.#bytes.set(tensor, bytes);
    return bytes;
  }

  /** A tensor that is in 8 bits already, or carried from such. */
  #native(tensor: string): ByteTensor | undefined {
    const known = this.#bytes.get(tensor);
    const inputs = this.#carried.get(tensor);
    if (known !== undefined || inputs === undefined) return known;
    // Joined with others, one in 8 bits is enough: the others are quantised before they are joined.
    if (!inputs.some((input) => this.#native(input) !== undefined)) return undefined;
    if (this.#quantizationOf(tensor) === undefined) return undefined;
    const sources = inputs.flatMap((input) => this.#inBytes(input) ?? []);
    const [first] = sources;
    const alike = sources.every(
      ({ scale, zeroPoint }) => scale === first?.scale && zeroPoint === first.zeroPoint,
    );
    if (sources.length !== inputs.length || !alike) return undefined;
    const bytes = carry(this.#writer, this.#graph.get(tensor), sources);
    this.#bytes.set(tensor, bytes);
    return bytes;
  }

  #quantizationOf(tensor: string): Quantization | undefined {
    const range = this.#ranges(tensor);
    return range === undefined ? undefined : quantizationOf(range);
  }
}

/** The layer up to its bias. */
function withoutSum(graph: FlatGraph, layer: Layer): Layer {
  const end = endOfBias(layer);
  return {
    ...layer,
    summand: undefined,
    ceiling: undefined,
    chain: layer.chain.slice(0, layer.chain.indexOf(end) + 1),
    output: graph.get(end),
  };
}
