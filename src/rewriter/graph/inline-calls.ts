import { clone } from '@bufbuild/protobuf';

import { NotRewritableError } from '../not-rewritable';
import {
  NodeDefSchema,
  type FunctionDef,
  type NodeDef,
} from '../../saved-model/protobuf/tensorflow_pb';
import { booleanOf, typeAttr, type Attributes } from './attributes';
import type { FlatGraph } from './flat-graph';
import type { OpCatalog } from './op-catalog';
import { formatFlat, isControl, nodeOf, parseFlat, parseInFunction } from './references';

const CALLS = new Set(['PartitionedCall', 'StatefulPartitionedCall']);
/** A function that calls itself would be inlined for ever. */
const DEEPEST_CALL = 64;
const LARGEST_GRAPH = 500_000;

interface Callee {
  readonly definition: FunctionDef;
  readonly attributes: Attributes;
}

/**
 * Replaces every function call outside functions by the function's own nodes. Calls inside the
 * branches of control flow stay, and so do those that XLA compiles.
 * @returns where tensors of the calls are now, for signatures
 * @throws NotRewritableError
 */
export function inlineCalls(graph: FlatGraph, catalog: OpCatalog): (tensor: string) => string {
  const moved = new Map<string, string>();
  const isCall = (node: NodeDef): boolean => calleeOf(node, catalog) !== undefined;
  const waiting = [...graph.nodes()].filter(isCall).map((call) => ({ call, depth: 1 }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { call, depth } = next;
    const callee = calleeOf(call, catalog);
    if (callee === undefined) continue;
    if (depth > DEEPEST_CALL) {
      throw new NotRewritableError(`its functions call each other over ${DEEPEST_CALL} deep`);
    }
    const added = inlineOne(graph, catalog, call, callee, moved).filter(isCall);
    waiting.push(...added.map((inner) => ({ call: inner, depth: depth + 1 })));
    if (graph.size > LARGEST_GRAPH) {
      throw new NotRewritableError(`inlining its functions gives over ${LARGEST_GRAPH} nodes`);
    }
  }
  const resolve = (tensor: string): string => {
    let current = formatFlat(parseFlat(tensor));
    for (let next = moved.get(current); next !== undefined; next = moved.get(current))
      current = next;
    return current;
  };
  const doneNodes = new Map([...moved].filter(([from]) => isControl(from)));
  graph.rewireAll((input) => {
    if (!isControl(input)) return [resolve(input)];
    const followed = doneNodes.get(input);
    return [followed ?? `^${parseFlat(resolve(input.slice(1))).node}`];
  });
  return resolve;
}

function calleeOf(node: NodeDef, catalog: OpCatalog): Callee | undefined {
  if (CALLS.has(node.op)) {
    const value = node.attr.f?.value;
    if (value?.case !== 'func')
      throw new NotRewritableError(`the call ${node.name} names no function`);
    // XLA compiles it as a whole (jit_compile): some of what is in it runs in no other way.
    if (booleanOf(node.attr, '_XlaMustCompile') === true) return undefined;
    return { definition: catalog.function(value.value.name), attributes: value.value.attr };
  }
  const definition = catalog.functions.get(node.op);
  return definition === undefined ? undefined : { definition, attributes: node.attr };
}

function inlineOne(
  graph: FlatGraph,
  catalog: OpCatalog,
  call: NodeDef,
  { definition, attributes }: Callee,
  moved: Map<string, string>,
): NodeDef[] {
  const prefix = call.name;
  const waits = call.input.filter(isControl);
  const data = call.input.filter((input) => !isControl(input));
  graph.delete(call.name);

  const names = new Map<string, string>();
  for (const node of definition.nodeDef)
    names.set(node.name, graph.freeName(`${prefix}/${node.name}`));
  const bodyNodes = new Map(definition.nodeDef.map((node) => [node.name, node]));
  const args = new Map<string, string>();
  const { inputArg = [], outputArg = [] } = definition.signature ?? {};
  inputArg.forEach(({ name }, index) => {
    const input = data[index];
    if (input === undefined)
      throw new NotRewritableError(`the call ${call.name} lacks an argument`);
    args.set(name, input);
  });
  const flat = (input: string): string => {
    const { node, output, index } = parseInFunction(input);
    const argument = output === undefined ? args.get(node) : undefined;
    if (argument !== undefined) return argument;
    const body = bodyNodes.get(node);
    const name = names.get(node);
    if (body === undefined || name === undefined) {
      throw new NotRewritableError(
        `the function ${definition.signature?.name ?? ''} has no node "${node}"`,
      );
    }
    return formatFlat({
      node: name,
      index: output === undefined ? 0 : catalog.outputIndex(body, output, index),
    });
  };
  const waitFor = (node: string): string => `^${names.get(node) ?? nodeOf(args.get(node) ?? node)}`;

  const start =
    waits.length === 0
      ? []
      : [`^${graph.add(graph.freeName(`${prefix}/start`), 'NoOp', waits).name}`];
  const added = definition.nodeDef.map((body) => {
    const copy = clone(NodeDefSchema, body);
    substitute(copy, attributes);
    const node = graph.add(
      names.get(body.name) ?? body.name,
      copy.op,
      [
        ...copy.input.map((input) => (isControl(input) ? waitFor(nodeOf(input)) : flat(input))),
        ...start,
      ],
      copy.attr,
      copy.device === '' ? call.device : copy.device,
    );
    return node;
  });

  // Side effects of a call happen whichever of its outputs is asked for.
  const effects = Object.values(definition.controlRet).map((node) => waitFor(node));
  const outputs = outputArg.map((argument, index) => {
    const source = definition.ret[argument.name];
    if (source === undefined) throw new NotRewritableError(`the call ${call.name} lacks a result`);
    const type = catalog.outputTypes(call)[index] ?? argument.type;
    const name = graph.freeName(`${prefix}/output_${index}`);
    graph.add(name, 'Identity', [flat(source), ...effects], { T: typeAttr(type) });
    moved.set(formatFlat({ node: call.name, index }), name);
    return name;
  });
  const done = graph.add(graph.freeName(`${prefix}/done`), 'NoOp', [
    ...outputs.map((name) => `^${name}`),
    ...effects,
    ...start,
  ]);
  moved.set(`^${call.name}`, `^${done.name}`);
  return added;
}

/** Fills in the attributes that a function takes from its call. */
function substitute(node: NodeDef, attributes: Attributes): void {
  for (const [name, { value }] of Object.entries(node.attr)) {
    if (value.case !== 'placeholder') continue;
    const actual = attributes[value.value];
    if (actual === undefined) {
      throw new NotRewritableError(
        `the attribute ${name} of ${node.name} is not given by its call`,
      );
    }
    node.attr[name] = actual;
  }
  // Names of other nodes, which are other ones now.
  delete node.attr._class;
}
