import path from 'node:path';

import { readRanges } from './read-ranges';
import { readNodes, type NodeGraph, type Nodes } from './node-graph';

/** What changes nothing about what an output means. */
const PASSES_ON = new Set(['Identity', 'Cast', 'Reshape', 'Squeeze', 'StopGradient']);
const CALLS = new Set(['PartitionedCall', 'StatefulPartitionedCall']);
const DEEPEST = 64;

/**
 * The operations that make tensors of the served graph, such as `Softmax`: through calls, and through
 * what passes its input on. Weights are not read.
 * @param tensors as signatures name them, such as `StatefulPartitionedCall:0`
 * @returns those that can be told, by tensor
 * @throws Error when the file cannot be read
 */
export async function outputOperations(
  directory: string,
  tensors: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const graph = await readRanges(path.join(directory, 'saved_model.pb'), readNodes);
  return new Map(
    tensors.flatMap((tensor) => {
      const [node = '', index = '0'] = tensor.split(':');
      const op = operationOf(graph, graph.nodes, node, Number(index));
      return op === undefined ? [] : [[tensor, op]];
    }),
  );
}

function operationOf(
  graph: NodeGraph,
  nodes: Nodes,
  name: string,
  index: number,
  depth = 0,
): string | undefined {
  const node = nodes.get(name);
  if (node === undefined || depth > DEEPEST) return undefined;
  const callee = node.attr.f?.value;
  if (CALLS.has(node.op) && callee?.case === 'func') {
    const body = graph.functions.get(callee.value.name);
    const result = body?.results[index];
    if (body === undefined || result === undefined) return node.op;
    return operationOf(graph, body.nodes, ...placeOf(result), depth + 1);
  }
  const [source] = node.input;
  if (!PASSES_ON.has(node.op) || source === undefined) return node.op;
  return operationOf(graph, nodes, ...placeOf(source), depth + 1);
}

/** Outside functions `node:1`, inside `node:output:1`: calls have one list of outputs. */
function placeOf(tensor: string): [string, number] {
  const parts = tensor.split(':');
  return [parts[0] ?? '', parts.length > 1 ? Number(parts.at(-1)) : 0];
}
