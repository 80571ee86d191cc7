import {
  DataType,
  type FunctionDef,
  type NodeDef,
  type OpDef,
  type OpDef_ArgDef,
} from '../../saved-model/protobuf/tensorflow_pb';
import { registeredOperation } from '../../saved-model/protobuf/registered-operations';
import { NotRewritableError } from '../not-rewritable';
import { numberOf, typeOf, typesOf, type Attributes } from './attributes';

/**
 * Definitions of the operations that a SavedModel uses: as the model itself carries them, or, since it
 * leaves out those inside control flow, as TensorFlow has them.
 */
export class OpCatalog {
  readonly #definitions: ReadonlyMap<string, OpDef>;
  readonly functions: ReadonlyMap<string, FunctionDef>;

  constructor(definitions: readonly OpDef[], functions: readonly FunctionDef[]) {
    this.#definitions = new Map(definitions.map((definition) => [definition.name, definition]));
    this.functions = new Map(
      functions.flatMap((definition) =>
        definition.signature === undefined ? [] : [[definition.signature.name, definition]],
      ),
    );
  }

  /** @throws NotRewritableError for an operation that neither the model nor TensorFlow describes */
  definition(op: string): OpDef {
    const definition =
      this.#definitions.get(op) ?? this.functions.get(op)?.signature ?? registeredOperation(op);
    if (definition !== undefined) return definition;
    throw new NotRewritableError(`the operation ${op} is not known`);
  }

  /** @throws NotRewritableError when there is no such function */
  function(name: string): FunctionDef {
    const definition = this.functions.get(name);
    if (definition !== undefined) return definition;
    throw new NotRewritableError(`the function ${name} is missing from the SavedModel`);
  }

  /** Place of a named output among all outputs of a node. */
  outputIndex(node: NodeDef, output: string, index: number): number {
    let start = 0;
    for (const argument of this.definition(node.op).outputArg) {
      if (argument.name === output) return start + index;
      start += this.#count(node, argument);
    }
    throw new NotRewritableError(`the operation ${node.op} has no output ${output}`);
  }

  /** Types of all outputs of a node, in order. */
  outputTypes(node: NodeDef): DataType[] {
    return this.definition(node.op).outputArg.flatMap((argument) => {
      const attributes = this.#withDefaults(node);
      if (argument.typeListAttr !== '')
        return [...(typesOf(attributes, argument.typeListAttr) ?? [])];
      const type =
        argument.typeAttr === ''
          ? argument.type
          : (typeOf(attributes, argument.typeAttr) ?? DataType.DT_INVALID);
      return Array.from({ length: this.#count(node, argument) }, () => type);
    });
  }

  #count(node: NodeDef, argument: OpDef_ArgDef): number {
    const attributes = this.#withDefaults(node);
    if (argument.numberAttr !== '') return numberOf(attributes, argument.numberAttr) ?? 1;
    if (argument.typeListAttr !== '')
      return typesOf(attributes, argument.typeListAttr)?.length ?? 0;
    return 1;
  }

  /** Attributes that have their default value may have been left out of the node. */
  #withDefaults(node: NodeDef): Attributes {
    const defaults = this.definition(node.op).attr.flatMap(({ name, defaultValue }) =>
      defaultValue === undefined ? [] : [[name, defaultValue] as const],
    );
    return { ...Object.fromEntries(defaults), ...node.attr };
  }
}
