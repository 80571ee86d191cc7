import { functionsOf } from '../../../rewriter/graph/attributes';
import { FlatGraph } from '../../../rewriter/graph/flat-graph';
import { nodeOf } from '../../../rewriter/graph/references';
import { registeredOperation } from '../../../saved-model/protobuf/registered-operations';
import type { MetaGraphDef, NodeDef } from '../../../saved-model/protobuf/tensorflow_pb';
import { ImportError } from '../import-error';
import { servedMetaGraph } from '../served-meta-graph';
import type { TfjsPackage } from '../package/tfjs-package';
import { decodeWeights } from '../package/weights';
import { fillConstants } from './constants';
import { graphFromJson } from './graph-json';
import { usePlainOperations } from './plain-operations';
import { signatureFromJson } from './signature-json';

/**
 * A graph model of TensorFlow.js as the graph of a SavedModel, its weights constants.
 * @throws ImportError naming every operation that TensorFlow does not have, or control flow that
 *   calls functions
 */
export function convertGraphModel(source: TfjsPackage): MetaGraphDef {
  if (source.hasInitializer) {
    throw new ImportError(
      'the model fills tables with an initializer (modelInitializer) before it answers, which is not supported',
    );
  }
  const { node: nodes, versions } = graphFromJson(source.topology);
  const graph = new FlatGraph(nodes);
  usePlainOperations(graph);
  refuse(graph);
  const signature = signatureFromJson(source.signature, graph);
  const ends = [...Object.values(signature.inputs), ...Object.values(signature.outputs)];
  graph.prune(ends.map(({ encoding }) => nodeOf(encoding.value as string)));
  fillConstants(graph, decodeWeights(source.weightSpecs, source.weightBytes));
  return servedMetaGraph(graph, signature, versions?.producer);
}

/** All at once: who imports a model wants to know whether it is worth it. */
function refuse(graph: FlatGraph): void {
  const nodes = [...graph.nodes()];
  const problems = [
    problem('operations that TensorFlow does not have', nodes.filter(isUnknown)),
    problem(
      'control flow that calls functions, which TensorFlow.js keeps apart from the graph',
      nodes.filter((node) => functionsOf(node).length > 0),
    ),
  ].filter((text) => text !== undefined);
  if (problems.length > 0) throw new ImportError(`the graph has ${problems.join('; and ')}`);
}

function isUnknown({ op }: NodeDef): boolean {
  return registeredOperation(op) === undefined;
}

function problem(kind: string, nodes: readonly NodeDef[]): string | undefined {
  if (nodes.length === 0) return undefined;
  const byOperation = new Map(nodes.map(({ op, name }) => [op, name]));
  const list = [...byOperation].map(([op, name]) => `${op} (such as "${name}")`);
  return `${kind}: ${list.join(', ')}`;
}
