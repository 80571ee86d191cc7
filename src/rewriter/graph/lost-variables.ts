import { create } from '@bufbuild/protobuf';

import {
  DataType,
  TensorProtoSchema,
  TensorShapeProtoSchema,
  type MetaGraphDef,
  type NodeDef,
  type SavedObject,
  type SavedObjectGraph,
} from '../../saved-model/protobuf/tensorflow_pb';
import { stringsOf, tensorAttr, tensorOf, typeAttr, typeListAttr, typeOf } from './attributes';
import { nodeDef } from './node-def';
import { isControl, nodeOf } from './references';

/** What follows the path of a variable in the name of its value in the checkpoint. */
const VALUE_SUFFIX = '/.ATTRIBUTES/VARIABLE_VALUE';
const PREFIX = 'tfjs_serving/restore';

interface LostVariable {
  /** Node of the handle. */
  readonly node: string;
  readonly dtype: DataType;
  /** Name of its value in the checkpoint. */
  readonly key: string;
}

/**
 * `tf.saved_model.save` makes two variables in the graph for each one of a Keras 3 model: signatures
 * read one, and the saver restores the other. Their values are in the checkpoint, and the graph of
 * objects says whose they are: this adds the restoring of those that signatures read.
 * @param meta is changed
 * @returns how many variables were lost
 */
export function restoreLostVariables(meta: MetaGraphDef): number {
  const lost = lostVariables(meta);
  const { graphDef, saverDef } = meta;
  if (lost.length === 0 || graphDef === undefined || saverDef === undefined) return 0;
  const names = nodeDef(`${PREFIX}/names`, 'Const', [], stringList(lost.map(({ key }) => key)));
  const slices = nodeDef(`${PREFIX}/slices`, 'Const', [], stringList(lost.map(() => '')));
  const values = nodeDef(
    `${PREFIX}/values`,
    'RestoreV2',
    [saverDef.filenameTensorName, names.name, slices.name],
    { dtypes: typeListAttr(lost.map(({ dtype }) => dtype)) },
  );
  const assignments = lost.map(({ node, dtype }, index) =>
    nodeDef(`${PREFIX}/assign_${index}`, 'AssignVariableOp', [node, `${values.name}:${index}`], {
      dtype: typeAttr(dtype),
    }),
  );
  const steps = [saverDef.restoreOpName, ...assignments.map(({ name }) => name)];
  const all = nodeDef(
    `${PREFIX}/all`,
    'NoOp',
    steps.map((step) => `^${nodeOf(step)}`),
    {},
  );
  // As TensorFlow has its own: files are read on the CPU.
  for (const node of [names, slices, values]) node.device = '/device:CPU:0';
  graphDef.node.push(names, slices, values, ...assignments, all);
  saverDef.restoreOpName = all.name;
  return lost.length;
}

/** Variables that signatures read, whose values the checkpoint has, and that nothing restores. */
function lostVariables({ graphDef, saverDef, objectGraphDef }: MetaGraphDef): LostVariable[] {
  if (graphDef === undefined || objectGraphDef === undefined) return [];
  const nodes = new Map(graphDef.node.map((node) => [node.name, node]));
  const restore = nodes.get(nodeOf(saverDef?.restoreOpName ?? ''));
  // Of TensorFlow 1: such graphs name their variables once.
  if (restore === undefined || !restore.input.some((input) => isHandle(nodes, input))) return [];
  const restored = new Set(restore.input.map(nodeOf));
  const keys = keysByObject(objectGraphDef, checkpointKeys(graphDef));
  const lost = new Map<string, LostVariable>();
  for (const call of graphDef.node) {
    for (const [input, object] of boundInputs(call, objectGraphDef)) {
      const node = nodeOf(input);
      const key = keys.get(object);
      const dtype = typeOf(nodes.get(node)?.attr ?? {}, 'dtype');
      if (restored.has(node) || !isHandle(nodes, input) || key === undefined) continue;
      if (dtype !== undefined) lost.set(node, { node, dtype, key });
    }
  }
  return [...lost.values()];
}

function isHandle(nodes: ReadonlyMap<string, NodeDef>, input: string): boolean {
  return nodes.get(nodeOf(input))?.op === 'VarHandleOp';
}

/** What a function takes besides its arguments: inputs of its call, each with the object it is. */
function boundInputs(call: NodeDef, { concreteFunctions }: SavedObjectGraph): [string, number][] {
  const callee = call.attr.f?.value;
  if (callee?.case !== 'func') return [];
  const bound = concreteFunctions[callee.value.name]?.boundInputs ?? [];
  const inputs = call.input.filter((input) => !isControl(input));
  const first = inputs.length - bound.length;
  return bound.flatMap((object, index): [string, number][] => {
    const input = inputs[first + index];
    return input === undefined ? [] : [[input, object]];
  });
}

/** Names that the saver restores values by. */
function checkpointKeys(graphDef: NonNullable<MetaGraphDef['graphDef']>): string[] {
  const bodies = [
    graphDef.node,
    ...(graphDef.library?.function ?? []).map(({ nodeDef }) => nodeDef),
  ];
  return bodies.flatMap((body) => {
    const restores = body.filter(({ op }) => op === 'RestoreV2');
    if (restores.length === 0) return [];
    const constants = new Map(body.map((node) => [node.name, node]));
    return restores.flatMap(({ input }) => {
      const names = tensorOf(constants.get(nodeOf(input[1] ?? ''))?.attr ?? {}, 'value');
      return names === undefined ? [] : stringsOf(names);
    });
  });
}

/** Names of values by the object that they belong to: a name is the object's path from the root. */
function keysByObject(
  { nodes }: SavedObjectGraph,
  keys: readonly string[],
): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const key of keys) {
    if (!key.endsWith(VALUE_SUFFIX)) continue;
    let object: number | undefined = 0;
    for (const step of key.slice(0, -VALUE_SUFFIX.length).split('/').map(unescaped)) {
      const node: SavedObject | undefined = object === undefined ? undefined : nodes[object];
      object = node?.children.find(({ localName }) => localName === step)?.nodeId;
    }
    if (object !== undefined) found.set(object, key);
  }
  return found;
}

/** Slashes and dots of names are written `.S` and `..`. */
function unescaped(step: string): string {
  return step.replace(/\.([.S])/g, (_, escaped) => (escaped === 'S' ? '/' : '.'));
}

function stringList(texts: readonly string[]): NodeDef['attr'] {
  const value = create(TensorProtoSchema, {
    dtype: DataType.DT_STRING,
    tensorShape: create(TensorShapeProtoSchema, { dim: [{ size: BigInt(texts.length) }] }),
    stringVal: texts.map((text) => Buffer.from(text)),
  });
  return { dtype: typeAttr(DataType.DT_STRING), value: tensorAttr(value) };
}
