import type { FlatGraph } from '../graph/flat-graph';
import { nodesInOrder } from '../graph/nodes-in-order';
import { formatFlat, nodeOf } from '../graph/references';
import { carriedTensors, type CarriedTensors } from './carried-operations';
import { endOfBias, type Layer } from './find-layers';
import type { StructuralKeys } from './structural-keys';
import type { QuantizationPlan } from './quantize-graph';

/** How layers hang together. */
export interface LayerGraph {
  /** Those that the given nodes need. */
  needed(roots: readonly string[]): readonly Layer[];
  /** No other layer lies between them and the inputs. */
  readonly first: ReadonlySet<string>;
  /** No other layer reads them, directly or not. */
  readonly last: ReadonlySet<string>;
  /** Layers that are joined by tensors which may stay in 8 bits. */
  islands(layers: ReadonlySet<string>): readonly (readonly Layer[])[];
}

export function layerGraph(graph: FlatGraph, layers: readonly Layer[]): LayerGraph {
  const order = nodesInOrder(graph);
  const byOutput = new Map(layers.map((layer) => [layer.output.name, layer]));
  const byNode = new Map(layers.map((layer) => [layer.node.name, layer]));
  // Whether a layer lies before a node.
  const after = new Set<string>();
  for (const { name, input } of order) {
    if (input.some((source) => after.has(nodeOf(source)) || byNode.has(nodeOf(source)))) {
      after.add(name);
    }
  }
  const before = new Set<string>();
  for (const { name, input } of order.toReversed()) {
    if (before.has(name) || byNode.has(name))
      for (const source of input) before.add(nodeOf(source));
  }
  const names = layers.map(({ node }) => node.name);
  return {
    needed: (roots) => {
      const seen = new Set<string>();
      const waiting = [...roots];
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
        if (seen.has(name)) continue;
        seen.add(name);
        for (const input of graph.get(name).input) waiting.push(nodeOf(input));
      }
      return layers.filter(({ node }) => seen.has(node.name));
    },
    first: new Set(names.filter((name) => !after.has(name))),
    last: new Set(names.filter((name) => !before.has(name))),
    islands: (chosen) => islandsOf(carriedTensors(graph, layers), layers, byOutput, chosen),
  };
}

function islandsOf(
  carried: CarriedTensors,
  layers: readonly Layer[],
  byOutput: ReadonlyMap<string, Layer>,
  chosen: ReadonlySet<string>,
): readonly (readonly Layer[])[] {
  const islandOf = new Map<Layer, Set<Layer>>();
  for (const layer of layers) {
    if (!chosen.has(layer.node.name)) continue;
    let island = new Set([layer]);
    const sources = [layer.input, ...(layer.summand === undefined ? [] : [layer.summand])];
    for (const source of sources.flatMap((tensor) => layersBehind(carried, byOutput, tensor))) {
      const other = islandOf.get(source);
      if (other === undefined || other === island) continue;
      island = new Set([...other, ...island]);
    }
    for (const member of island) islandOf.set(member, island);
  }
  return [...new Set(islandOf.values())].map((island) => [...island]);
}

/** Layers that a tensor comes from through what only moves values. */
function layersBehind(
  carried: CarriedTensors,
  byOutput: ReadonlyMap<string, Layer>,
  tensor: string,
): readonly Layer[] {
  const layer = byOutput.get(tensor);
  if (layer !== undefined) return layer.kind === 'product' ? [] : [layer];
  return (carried.get(tensor) ?? []).flatMap((input) => layersBehind(carried, byOutput, input));
}

/**
 * Tensors whose ranges and shapes a plan needs.
 * @param every all layers of the graph
 */
export function measuredTensors(
  graph: FlatGraph,
  every: readonly Layer[],
  layers: readonly Layer[] = every,
): readonly string[] {
  const carried = carriedTensors(graph, every);
  const tensors = new Set<string>();
  const add = (tensor: string): void => {
    if (tensors.has(tensor)) return;
    tensors.add(tensor);
    for (const input of carried.get(tensor) ?? []) add(input);
  };
  for (const layer of layers) {
    for (const tensor of [layer.input, layer.summand, layer.output.name, endOfBias(layer)]) {
      if (tensor !== undefined) add(tensor);
    }
  }
  return [...tensors];
}

/** A plan for what other signatures compute in the same way, too. */
export function spreadOverTwins(
  graph: FlatGraph,
  keys: StructuralKeys,
  plan: QuantizationPlan,
): QuantizationPlan {
  const twins = new Map<string, string[]>();
  for (const { name } of graph.nodes()) {
    const key = keys.of(name);
    const known = twins.get(key);
    if (known === undefined) twins.set(key, [name]);
    else known.push(name);
  }
  const twinsOf = (tensor: string): readonly string[] => {
    const colon = tensor.lastIndexOf(':');
    const name = nodeOf(tensor);
    const index = colon === -1 ? 0 : Number(tensor.slice(colon + 1));
    return (twins.get(keys.of(name)) ?? [name]).map((node) => formatFlat({ node, index }));
  };
  const spread = <Value>(values: ReadonlyMap<string, Value>): Map<string, Value> =>
    new Map(
      [...values].flatMap(([tensor, value]) =>
        twinsOf(tensor).map((twin) => [twin, value] as const),
      ),
    );
  return {
    ...plan,
    layers: new Set([...plan.layers].flatMap((name) => twinsOf(name))),
    ranges: spread(plan.ranges),
    means: spread(plan.means),
    shapes: spread(plan.shapes),
  };
}
