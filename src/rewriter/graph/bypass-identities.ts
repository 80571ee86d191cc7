import type { NodeDef } from '../../saved-model/protobuf/tensorflow_pb';
import { hasOldControlFlow } from './drop-idle-waits';
import type { FlatGraph } from './flat-graph';
import { formatFlat, isControl, parseFlat } from './references';

/**
 * Readers of nodes that hand on what they get read from where it comes from: patterns such as an
 * activation written as `IdentityN(x · sigmoid(x))` become visible to TensorFlow.
 * @param kept nodes that signatures name
 */
export function bypassIdentities(graph: FlatGraph, kept: ReadonlySet<string>): void {
  // There, an identity after a switch is what other nodes wait for.
  if (hasOldControlFlow(graph)) return;
  const passes = (node: NodeDef | undefined): node is NodeDef =>
    (node?.op === 'Identity' || node?.op === 'IdentityN') &&
    !kept.has(node.name) &&
    !node.input.some(isControl);
  graph.rewireAll((input) => {
    if (isControl(input)) return [input];
    let current = parseFlat(input);
    for (let node = graph.find(current.node); passes(node); node = graph.find(current.node)) {
      current = parseFlat(node.input[current.index] ?? '');
    }
    return [formatFlat(current)];
  });
}
