import { create } from '@bufbuild/protobuf';

import { NodeDefSchema, type NodeDef } from '../../saved-model/protobuf/tensorflow_pb';
import type { Attributes } from './attributes';

/** A node that may run on any device. */
export function nodeDef(
  name: string,
  op: string,
  input: readonly string[],
  attr: Attributes,
): NodeDef {
  return create(NodeDefSchema, { name, op, input: [...input], attr });
}
