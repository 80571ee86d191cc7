import path from 'node:path';

import { fromBinary } from '@bufbuild/protobuf';

import { walkFields, type RangeReading } from './field-reader';
import {
  FunctionDefSchema,
  MetaGraphDef_MetaInfoDefSchema,
  NodeDefSchema,
  type NodeDef,
} from './protobuf/tensorflow_pb';
import { readRanges } from './read-ranges';
import { servedGraph } from './served-graph';

/** Field numbers of SavedModel, MetaGraphDef, GraphDef, FunctionDefLibrary and FunctionDef. */
const META_GRAPHS = 2;
const META_INFO = 1;
const GRAPH = 2;
const NODE = 1;
const LIBRARY = 2;
const FUNCTION = 1;
const FUNCTION_NODE = 3;

/** A node with more bytes is a constant. */
const LARGEST_NODE = 128 * 1024;
/** What changes nothing about what an output means. */
const PASSES_ON = new Set(['Identity', 'Cast', 'Reshape', 'Squeeze', 'StopGradient']);
const CALLS = new Set(['PartitionedCall', 'StatefulPartitionedCall']);
const DEEPEST = 64;

type Nodes = ReadonlyMap<string, NodeDef>;

interface Body {
  readonly nodes: Nodes;
  /** Tensors that the function answers, in the order of its outputs. */
  readonly results: readonly string[];
}

interface Graph {
  readonly nodes: Nodes;
  readonly functions: ReadonlyMap<string, Body>;
}

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
  const graph = await readRanges(path.join(directory, 'saved_model.pb'), readGraph);
  return new Map(
    tensors.flatMap((tensor) => {
      const [node = '', index = '0'] = tensor.split(':');
      const op = operationOf(graph, graph.nodes, node, Number(index));
      return op === undefined ? [] : [[tensor, op]];
    }),
  );
}

function operationOf(
  graph: Graph,
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

function* readGraph(size: number): RangeReading<Graph> {
  const graphs: { tags: readonly string[]; from: number; to: number }[] = [];
  yield* walkFields(0, size, function* (meta) {
    if (meta.number !== META_GRAPHS) return;
    let tags: readonly string[] = [];
    let [from, to] = [0, 0];
    yield* walkFields(meta.start, meta.end, function* ({ number, start, end }) {
      if (number === GRAPH) [from, to] = [start, end];
      if (number !== META_INFO) return;
      const bytes = yield { at: start, length: end - start };
      ({ tags } = fromBinary(MetaGraphDef_MetaInfoDefSchema, bytes));
    });
    graphs.push({ tags, from, to });
  });
  const { from, to } = servedGraph(graphs);
  const nodes = new Map<string, NodeDef>();
  const functions = new Map<string, Body>();
  yield* walkFields(from, to, function* (field) {
    if (field.number === NODE) yield* readNode(field, nodes);
    if (field.number !== LIBRARY) return;
    yield* walkFields(field.start, field.end, function* ({ number, start, end }) {
      if (number === FUNCTION) yield* readFunction(start, end, functions);
    });
  });
  return { nodes, functions };
}

function* readNode(
  { start, end }: { readonly start: number; readonly end: number },
  nodes: Map<string, NodeDef>,
): RangeReading<void> {
  if (end - start > LARGEST_NODE) return;
  const node = fromBinary(NodeDefSchema, yield { at: start, length: end - start });
  nodes.set(node.name, node);
}

function* readFunction(from: number, to: number, functions: Map<string, Body>): RangeReading<void> {
  const nodes = new Map<string, NodeDef>();
  const rest: Uint8Array[] = [];
  yield* walkFields(from, to, function* (field) {
    if (field.number === FUNCTION_NODE) yield* readNode(field, nodes);
    // Its signature, what it answers, and attributes.
    else if (field.length <= LARGEST_NODE) rest.push(yield { at: field.at, length: field.length });
  });
  const { signature, ret } = fromBinary(FunctionDefSchema, Buffer.concat(rest));
  const results = (signature?.outputArg ?? []).map(({ name }) => ret[name] ?? '');
  functions.set(signature?.name ?? '', { nodes, results });
}
