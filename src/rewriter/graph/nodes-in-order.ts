import type { NodeDef } from '../../saved-model/protobuf/tensorflow_pb';
import type { FlatGraph } from './flat-graph';
import { nodeOf } from './references';

/** Every node after those it reads. */
export function nodesInOrder(graph: FlatGraph): readonly NodeDef[] {
  const order: NodeDef[] = [];
  const seen = new Set<string>();
  for (const root of graph.nodes()) {
    // Depth first without recursion: networks are deeper than the stack.
    const waiting: { readonly node: NodeDef; next: number }[] = [];
    const enter = (node: NodeDef): void => {
      if (seen.has(node.name)) return;
      seen.add(node.name);
      waiting.push({ node, next: 0 });
    };
    enter(root);
    for (let top = waiting.at(-1); top !== undefined; top = waiting.at(-1)) {
      const input = top.node.input[top.next];
      top.next += 1;
      if (input !== undefined) {
        enter(graph.get(nodeOf(input)));
        continue;
      }
      order.push(top.node);
      waiting.pop();
    }
  }
  return order;
}
