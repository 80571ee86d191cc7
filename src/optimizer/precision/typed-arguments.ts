import { numberOf, typeOf, typesOf } from '../graph/attributes';
import type { OpCatalog } from '../graph/op-catalog';
import { isControl } from '../graph/references';
import type { DataType, NodeDef, OpDef_ArgDef } from '../protobuf/tensorflow_pb';

/** The attribute that sets the type of an operation's values; so called in all that are listed. */
export const TYPE_ATTRIBUTE = 'T';

/** What `T` is; exporters leave it out where it is the default. */
export function valueType(catalog: OpCatalog, node: NodeDef): DataType | undefined {
  const defaults = catalog.definition(node.op).attr.find(({ name }) => name === TYPE_ATTRIBUTE);
  const value = defaults?.defaultValue?.value;
  return typeOf(node.attr, TYPE_ATTRIBUTE) ?? (value?.case === 'type' ? value.value : undefined);
}

/** Places of the data inputs whose type is `T`. */
export function typedInputs(catalog: OpCatalog, node: NodeDef): ReadonlySet<number> {
  const { inputArg } = catalog.definition(node.op);
  return places(node, inputArg, node.input.filter((input) => !isControl(input)).length);
}

/** Places of the outputs whose type is `T`. */
export function typedOutputs(catalog: OpCatalog, node: NodeDef): ReadonlySet<number> {
  const types = catalog.outputTypes(node);
  return places(node, catalog.definition(node.op).outputArg, types.length);
}

function places(node: NodeDef, args: readonly OpDef_ArgDef[], count: number): ReadonlySet<number> {
  const found = new Set<number>();
  let start = 0;
  for (const arg of args) {
    const length = lengthOf(node, arg, args.length === 1 ? count : 1);
    if (arg.typeAttr === TYPE_ATTRIBUTE) {
      for (let place = start; place < start + length; place += 1) found.add(place);
    }
    start += length;
  }
  return found;
}

/** @param otherwise where the number was left out of the node */
function lengthOf(node: NodeDef, arg: OpDef_ArgDef, otherwise: number): number {
  if (arg.numberAttr !== '') return numberOf(node.attr, arg.numberAttr) ?? otherwise;
  if (arg.typeListAttr !== '') return typesOf(node.attr, arg.typeListAttr)?.length ?? otherwise;
  return 1;
}
