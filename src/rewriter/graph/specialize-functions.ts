import { clone, create } from '@bufbuild/protobuf';

import { NotRewritableError } from '../not-rewritable';
import {
  DataType,
  FunctionDefSchema,
  NodeDefSchema,
  TensorProtoSchema,
  TensorShapeProtoSchema,
  type FunctionDef,
  type NodeDef,
} from '../../saved-model/protobuf/tensorflow_pb';
import { functionsOf, tensorAttr, typeAttr, typesOf } from './attributes';
import type { OpCatalog } from './op-catalog';
import { isControl, nodeOf, parseInFunction } from './references';
import { checkStateless, readFromValue } from './variable-operations';

/** Type of the variable behind an argument, or undefined for an argument that is none. */
export type VariableType = DataType | undefined;

/** Where control flow and calls have their arguments, and which attributes hold their types. */
interface CallShape {
  /** Inputs before the arguments: the condition. */
  readonly leading: number;
  readonly inputTypes: string;
  readonly outputTypes: string;
}

const CALL_SHAPES: Readonly<Record<string, CallShape>> = {
  PartitionedCall: { leading: 0, inputTypes: 'Tin', outputTypes: 'Tout' },
  StatefulPartitionedCall: { leading: 0, inputTypes: 'Tin', outputTypes: 'Tout' },
  If: { leading: 1, inputTypes: 'Tin', outputTypes: 'Tout' },
  StatelessIf: { leading: 1, inputTypes: 'Tin', outputTypes: 'Tout' },
  Case: { leading: 1, inputTypes: 'Tin', outputTypes: 'Tout' },
  StatelessCase: { leading: 1, inputTypes: 'Tin', outputTypes: 'Tout' },
  While: { leading: 0, inputTypes: 'T', outputTypes: 'T' },
  StatelessWhile: { leading: 0, inputTypes: 'T', outputTypes: 'T' },
};

/**
 * Makes copies of the functions behind control flow that take the values of variables where the
 * originals took the variables.
 */
export class FunctionSpecializer {
  readonly #catalog: OpCatalog;
  readonly #made = new Map<string, FunctionDef>();
  readonly #checked = new Set<string>();

  constructor(catalog: OpCatalog) {
    this.#catalog = catalog;
  }

  /** Every function that a node which was passed to `specializeNode` needs. */
  library(): FunctionDef[] {
    const originals = [...this.#checked].map((name) => this.#catalog.function(name));
    return [...this.#made.values(), ...originals];
  }

  /**
   * Points a node that holds functions at copies that fit its arguments.
   * @param variables by data input of the node
   * @returns types of its outputs that were variables and are values now, by output
   * @throws NotRewritableError
   */
  specializeNode(node: NodeDef, variables: readonly VariableType[]): VariableType[] {
    const functions = functionsOf(node);
    const shape = CALL_SHAPES[node.op];
    if (shape === undefined) {
      throw new NotRewritableError(
        `the operation ${node.op} takes a function in a way that is not understood`,
      );
    }
    const args = variables.slice(shape.leading);
    let outputs: VariableType[] = [];
    for (const { attr, func } of functions) {
      // The condition of a loop answers the condition, not the loop's variables.
      const made = this.#specialize(func.name, args);
      func.name = made.name;
      if (attr !== 'cond') outputs = made.outputs;
    }
    retype(node, shape.inputTypes, args);
    if (shape.outputTypes !== shape.inputTypes) retype(node, shape.outputTypes, outputs);
    if (args.some((type) => type !== undefined)) {
      // They describe the resources that are no more.
      delete node.attr.output_shapes;
      delete node.attr._output_shapes;
      delete node.attr._read_only_resource_inputs;
    }
    delete node.attr._class;
    return outputs;
  }

  #specialize(
    name: string,
    args: readonly VariableType[],
  ): { name: string; outputs: VariableType[] } {
    const original = this.#catalog.function(name);
    if (args.every((type) => type === undefined)) {
      this.#check(name, original);
      return { name, outputs: [] };
    }
    const madeName = `${name}__values_${args.map((type) => type ?? '').join('_')}`;
    const known = this.#made.get(madeName);
    if (known !== undefined) return { name: madeName, outputs: outputTypes(original, known) };
    const made = this.#rewrite(madeName, clone(FunctionDefSchema, original), args);
    this.#made.set(madeName, made);
    return { name: madeName, outputs: outputTypes(original, made) };
  }

  /** A function that is kept as it is must not keep state either. */
  #check(name: string, { nodeDef }: FunctionDef): void {
    if (this.#checked.has(name)) return;
    this.#checked.add(name);
    for (const node of nodeDef) {
      checkStateless(node, this.#catalog.definition(node.op).isStateful);
      for (const { func } of functionsOf(node))
        this.#check(func.name, this.#catalog.function(func.name));
      if (this.#catalog.functions.has(node.op))
        this.#check(node.op, this.#catalog.function(node.op));
    }
  }

  #rewrite(name: string, made: FunctionDef, args: readonly VariableType[]): FunctionDef {
    const { signature } = made;
    if (signature === undefined)
      throw new NotRewritableError(`the function ${name} has no signature`);
    signature.name = name;
    /** Tensors inside that were variables: `argument` or `node:output:0`. */
    const values = new Map<string, DataType>();
    const described: string[] = [];
    args.forEach((type, index) => {
      const argument = signature.inputArg[index];
      if (type === undefined || argument === undefined) return;
      argument.type = type;
      values.set(argument.name, type);
      described.push(String(index));
    });
    made.argAttr = without(made.argAttr, described);
    made.resourceArgUniqueId = without(made.resourceArgUniqueId, described);
    const renamed = new Map<string, string>();
    const added: NodeDef[] = [];
    for (const node of inOrder(made.nodeDef)) {
      const types = node.input
        .filter((input) => !isControl(input))
        .map((input) => values.get(input));
      if (functionsOf(node).length > 0) {
        this.specializeNode(node, types).forEach((type, index) => {
          if (type !== undefined) values.set(`${node.name}:output:${index}`, type);
        });
        continue;
      }
      const type = types.find((candidate) => candidate !== undefined);
      if (type === undefined) {
        checkStateless(node, this.#catalog.definition(node.op).isStateful);
        continue;
      }
      const before = this.#catalog.definition(node.op).outputArg[0]?.name;
      const wasIdentity = node.op === 'Identity';
      const { output, axis } = readFromValue(node, type, nodeOf(node.input[0] ?? ''));
      if (wasIdentity) values.set(`${node.name}:output:0`, type);
      else if (before !== undefined && before !== output) {
        renamed.set(`${node.name}:${before}:0`, `${node.name}:${output}:0`);
      }
      if (axis !== undefined) {
        const constant = scalar(`${node.name}/axis`, axis);
        added.push(constant);
        node.input = withAxis(node.input, `${constant.name}:output:0`);
      }
    }
    made.nodeDef.push(...added);
    for (const node of made.nodeDef)
      node.input = node.input.map((input) => renamed.get(input) ?? input);
    for (const output of signature.outputArg) {
      const source = made.ret[output.name] ?? '';
      made.ret[output.name] = renamed.get(source) ?? source;
      const type = values.get(source);
      if (type !== undefined) output.type = type;
    }
    return made;
  }
}

/** A node comes after those it takes data from: what is known of a value reaches its readers. */
function inOrder(nodes: readonly NodeDef[]): NodeDef[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const ordered = new Set<NodeDef>();
  for (const root of nodes) {
    const path = [root];
    const entered = new Set<NodeDef>();
    for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
      const next = entered.has(node)
        ? undefined
        : node.input
            .map((input) => byName.get(isControl(input) ? '' : parseInFunction(input).node))
            .filter(
              (source) => source !== undefined && !ordered.has(source) && !entered.has(source),
            );
      entered.add(node);
      if (next === undefined || next.length === 0) {
        ordered.add(node);
        path.pop();
      } else {
        path.push(...next.filter((source) => source !== undefined));
      }
    }
  }
  return [...ordered];
}

function outputTypes(original: FunctionDef, made: FunctionDef): VariableType[] {
  const before = original.signature?.outputArg ?? [];
  return (made.signature?.outputArg ?? []).map(({ type }, index) =>
    before[index]?.type === DataType.DT_RESOURCE && type !== DataType.DT_RESOURCE
      ? type
      : undefined,
  );
}

function without<T>(
  record: Readonly<Record<string, T>>,
  keys: readonly string[],
): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)));
}

function retype(node: NodeDef, attr: string, types: readonly VariableType[]): void {
  const list = node.attr[attr]?.value;
  if (list?.case !== 'list') return;
  const old = typesOf(node.attr, attr) ?? [];
  list.value.type = old.map((type, index) => types[index] ?? type);
}

/** Data inputs come before control inputs. */
export function withAxis(inputs: readonly string[], axis: string): string[] {
  return [
    ...inputs.filter((input) => !isControl(input)),
    axis,
    ...inputs.filter((input) => isControl(input)),
  ];
}

/** An int32 constant without dimensions. */
export function scalar(name: string, value: number): NodeDef {
  return create(NodeDefSchema, {
    name,
    op: 'Const',
    attr: {
      dtype: typeAttr(DataType.DT_INT32),
      value: tensorAttr(
        create(TensorProtoSchema, {
          dtype: DataType.DT_INT32,
          tensorShape: create(TensorShapeProtoSchema),
          intVal: [value],
        }),
      ),
    },
  });
}
