import { create } from '@bufbuild/protobuf';

import { isInternalSignature } from '../../saved-model/internal-signatures';
import { NotRewritableError } from '../not-rewritable';
import {
  DataType,
  type FunctionDef,
  type MetaGraphDef,
  type NodeDef,
  type SignatureDef,
  SignatureDefSchema,
  TensorInfoSchema,
} from '../../saved-model/protobuf/tensorflow_pb';
import { functionsOf, textOf, typeOf } from './attributes';
import { dropIdleWaits, hasOldControlFlow } from './drop-idle-waits';
import { FlatGraph } from './flat-graph';
import { inlineCalls } from './inline-calls';
import { OpCatalog } from './op-catalog';
import { isControl, nodeOf, parseFlat } from './references';
import { FunctionSpecializer, scalar, withAxis, type VariableType } from './specialize-functions';
import { VARIABLE_OPS, checkStateless, readFromValue } from './variable-operations';

/** A variable that some signature reads. */
export interface UsedVariable {
  /** Node that makes it; still in the graph, to be replaced by a constant. */
  readonly node: string;
  readonly dtype: DataType;
}

/** All signatures of a model as one graph without calls, in which variables stand for their values. */
export interface FlatModel {
  readonly graph: FlatGraph;
  /** Functions that control flow in the graph needs. */
  readonly functions: readonly FunctionDef[];
  readonly variables: readonly UsedVariable[];
  readonly signatures: Readonly<Record<string, SignatureDef>>;
}

/**
 * Inlines every call and turns reads of variables into plain values.
 * @throws NotRewritableError with what stands in the way
 */
export function flattenModel(meta: MetaGraphDef): FlatModel {
  const { graphDef, metaInfoDef } = meta;
  const catalog = new OpCatalog(
    metaInfoDef?.strippedOpList?.op ?? [],
    graphDef?.library?.function ?? [],
  );
  const graph = new FlatGraph(graphDef?.node ?? []);
  const served = Object.entries(meta.signatureDef).filter(([name]) => !isInternalSignature(name));
  graph.prune(served.flatMap(([, signature]) => tensorNodes(signature)));
  const old = hasOldControlFlow(graph);
  const before = graph.size;
  const moved = inlineCalls(graph, catalog);
  if (old && graph.size !== before) {
    throw new NotRewritableError('it mixes function calls with control flow of TensorFlow 1');
  }
  const signatures = Object.fromEntries(
    served.map(([name, signature]) => [name, movedSignature(signature, moved)]),
  );
  const roots = signatureNodes(signatures);
  graph.prune(roots);
  const specializer = new FunctionSpecializer(catalog);
  const variables = replaceReads(graph, catalog, specializer);
  dropIdleWaits(graph);
  graph.prune(roots);
  return {
    graph,
    functions: specializer.library(),
    variables: variables.filter(({ node }) => graph.find(node) !== undefined),
    signatures,
  };
}

function replaceReads(
  graph: FlatGraph,
  catalog: OpCatalog,
  specializer: FunctionSpecializer,
): UsedVariable[] {
  const variables = new Map<string, UsedVariable>();
  for (const node of graph.nodes()) {
    if (!VARIABLE_OPS.has(node.op)) continue;
    const dtype = typeOf(node.attr, 'dtype');
    if (dtype === undefined) throw new NotRewritableError(`the variable ${node.name} has no type`);
    variables.set(node.name, { node: node.name, dtype });
  }
  const variableBehind = (input: string): UsedVariable | undefined => {
    let current = isControl(input) ? undefined : parseFlat(input);
    while (current !== undefined) {
      const found = variables.get(current.node);
      if (found !== undefined) return found;
      const node = graph.get(current.node);
      const source = node.input[0];
      const passes = node.op === 'Identity' && typeOf(node.attr, 'T') === DataType.DT_RESOURCE;
      current = passes && source !== undefined ? parseFlat(source) : undefined;
    }
    return undefined;
  };
  const used = [...graph.nodes()].map((node) => ({
    node,
    behind: node.input.filter((input) => !isControl(input)).map(variableBehind),
  }));
  for (const { node, behind } of used) {
    if (variables.has(node.name)) continue;
    if (functionsOf(node).length > 0) {
      specializer.specializeNode(
        node,
        behind.map((variable): VariableType => variable?.dtype),
      );
      continue;
    }
    const variable = behind.find((candidate) => candidate !== undefined);
    if (variable !== undefined && isResourceRead(graph, node, variable)) {
      const { axis } = readFromValue(node, variable.dtype, label(graph.get(variable.node)));
      if (axis !== undefined) addAxis(graph, node, axis);
    } else {
      checkStateless(node, catalog.definition(node.op).isStateful);
    }
  }
  return [...variables.values()];
}

/** Old variables are tensors themselves: any operation may read them, writing ones still must not. */
function isResourceRead(graph: FlatGraph, node: NodeDef, variable: UsedVariable): boolean {
  return graph.get(variable.node).op === 'VarHandleOp' || /Assign|Apply|Scatter/.test(node.op);
}

function addAxis(graph: FlatGraph, node: NodeDef, axis: number): void {
  const { name, op, input, attr } = scalar(graph.freeName(`${node.name}/axis`), axis);
  graph.add(name, op, input, attr);
  node.input = withAxis(node.input, name);
}

function label(node: NodeDef): string {
  return textOf(node.attr, 'shared_name') ?? node.name;
}

function nameOf(info: SignatureDef['inputs'][string]): string {
  if (info.encoding.case === 'name') return info.encoding.value;
  throw new NotRewritableError('a signature has a tensor that is sparse or made of several');
}

/** Nodes that signatures name: their inputs and outputs. */
export function signatureNodes(
  signatures: Readonly<Record<string, SignatureDef>>,
): ReadonlySet<string> {
  return new Set(Object.values(signatures).flatMap(tensorNodes));
}

function tensorNodes(signature: SignatureDef): string[] {
  return [...Object.values(signature.inputs), ...Object.values(signature.outputs)].map((info) =>
    nodeOf(nameOf(info)),
  );
}

function movedSignature(signature: SignatureDef, moved: (tensor: string) => string): SignatureDef {
  const outputs = Object.entries(signature.outputs).map(([key, info]) => {
    const { node, index } = parseFlat(moved(nameOf(info)));
    const encoding = { case: 'name' as const, value: `${node}:${index}` };
    return [
      key,
      info.tensorShape === undefined
        ? create(TensorInfoSchema, { encoding, dtype: info.dtype })
        : create(TensorInfoSchema, { encoding, dtype: info.dtype, tensorShape: info.tensorShape }),
    ] as const;
  });
  return create(SignatureDefSchema, {
    inputs: signature.inputs,
    outputs: Object.fromEntries(outputs),
    methodName: signature.methodName,
    defaults: signature.defaults,
  });
}
