import { fromBinary } from '@bufbuild/protobuf';

import { walkFields, type RangeReading } from './field-reader';
import {
  FunctionDefSchema,
  MetaGraphDef_MetaInfoDefSchema,
  NodeDefSchema,
  type NodeDef,
} from './protobuf/tensorflow_pb';
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
export type Nodes = ReadonlyMap<string, NodeDef>;

interface Body {
  readonly nodes: Nodes;
  /** Tensors that the function answers, in the order of its outputs. */
  readonly results: readonly string[];
}

/** The served graph without its weights. */
export interface NodeGraph {
  readonly nodes: Nodes;
  readonly functions: ReadonlyMap<string, Body>;
}

/** Reads the nodes of the served graph; constants that are large are left out. */
export function* readNodes(size: number): RangeReading<NodeGraph> {
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
