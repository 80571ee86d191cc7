import { createHash } from 'node:crypto';

import { toBinary } from '@bufbuild/protobuf';

import { TensorProtoSchema } from '../../saved-model/protobuf/tensorflow_pb';
import { tensorOf } from './attributes';
import type { FlatGraph } from './flat-graph';
import { isControl, parseFlat } from './references';

/** Signatures that share weights share them again after folding made copies of them. */
export function mergeConstants(graph: FlatGraph, kept: ReadonlySet<string>): void {
  const first = new Map<string, string>();
  const moved = new Map<string, string>();
  for (const node of graph.nodes()) {
    if (node.op !== 'Const' || node.input.length > 0 || kept.has(node.name)) continue;
    const value = tensorOf(node.attr, 'value');
    if (value === undefined) continue;
    const hash = createHash('sha256').update(toBinary(TensorProtoSchema, value));
    const key = `${node.device} ${hash.digest('base64')}`;
    const known = first.get(key);
    if (known === undefined) first.set(key, node.name);
    else moved.set(node.name, known);
  }
  graph.rewireAll((input) => {
    const name = isControl(input) ? input.slice(1) : parseFlat(input).node;
    const target = moved.get(name);
    if (target === undefined) return [input];
    return [isControl(input) ? `^${target}` : target];
  });
  for (const name of moved.keys()) graph.delete(name);
}
