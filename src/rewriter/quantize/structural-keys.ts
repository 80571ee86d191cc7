import { createHash } from 'node:crypto';

import { toBinary } from '@bufbuild/protobuf';

import { AttrValueSchema } from '../../saved-model/protobuf/tensorflow_pb';
import type { FlatGraph } from '../graph/flat-graph';
import { formatFlat, isControl, nodeOf, parseFlat } from '../graph/references';
import { nodesInOrder } from '../graph/nodes-in-order';

/** Names tensors by how they are computed: what one signature computes has the same key in another. */
export interface StructuralKeys {
  of(tensor: string): string;
}

/** @param graph constants that are equal must be one node */
export function structuralKeys(graph: FlatGraph): StructuralKeys {
  const keys = new Map<string, string>();
  const keyOf = (input: string): string =>
    `${keys.get(nodeOf(input)) ?? ''}:${isControl(input) ? 'control' : parseFlat(input).index}`;
  for (const node of nodesInOrder(graph)) {
    if (node.op === 'Const') {
      keys.set(node.name, node.name);
      continue;
    }
    const hash = createHash('sha256').update(node.op);
    // Signatures may differ in the type of their pixels, which is cast away.
    const ignored = node.op === 'Placeholder' ? /./ : node.op === 'Cast' ? /^_|^SrcT$/ : /^_/;
    for (const [name, value] of Object.entries(node.attr).sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!ignored.test(name)) hash.update(name).update(toBinary(AttrValueSchema, value));
    }
    for (const input of node.input) hash.update(keyOf(input));
    keys.set(node.name, hash.digest('base64url').slice(0, 22));
  }
  return {
    of: (tensor) => {
      const { node, index } = parseFlat(tensor);
      return formatFlat({ node: keys.get(node) ?? node, index });
    },
  };
}
