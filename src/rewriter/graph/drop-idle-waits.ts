import type { FlatGraph } from './flat-graph';
import { isControl, nodeOf } from './references';

/** TensorFlow 1's control flow: there, what a node waits for decides whether it runs at all. */
const OLD_CONTROL_FLOW = /^(Ref)?(Switch|Merge|Enter|Exit|NextIteration)$/;
const EFFECTS = new Set([
  'Assert',
  'Print',
  'PrintV2',
  'If',
  'While',
  'Case',
  'StatefulPartitionedCall',
]);

export function hasOldControlFlow(graph: FlatGraph): boolean {
  return [...graph.nodes()].some(({ op }) => OLD_CONTROL_FLOW.test(op));
}

/**
 * Removes waits for nodes that do nothing but compute: once variables are constants there is no
 * write that a read would have to wait for, and TensorFlow folds what waits for nothing.
 */
export function dropIdleWaits(graph: FlatGraph): void {
  if (hasOldControlFlow(graph)) return;
  const effectful = nodesWithEffects(graph);
  for (const node of graph.nodes()) {
    node.input = node.input.filter((input) => !isControl(input) || effectful.has(nodeOf(input)));
  }
}

/** Nodes that have an effect, and all that come after one. */
function nodesWithEffects(graph: FlatGraph): ReadonlySet<string> {
  const readers = new Map<string, string[]>();
  for (const node of graph.nodes()) {
    for (const input of node.input) {
      const source = nodeOf(input);
      readers.set(source, [...(readers.get(source) ?? []), node.name]);
    }
  }
  const found = new Set<string>();
  const waiting = [...graph.nodes()].filter(({ op }) => EFFECTS.has(op)).map(({ name }) => name);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    waiting.push(...(readers.get(name) ?? []));
  }
  return found;
}
