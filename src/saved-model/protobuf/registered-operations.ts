import { gunzipSync } from 'node:zlib';

import { fromBinary } from '@bufbuild/protobuf';

import { REGISTERED_OPERATIONS } from './operations';
import { OpListSchema, type OpDef } from './tensorflow_pb';

let operations: ReadonlyMap<string, OpDef> | undefined;

/** What TensorFlow itself says of an operation: its outputs and whether it keeps state. */
export function registeredOperation(name: string): OpDef | undefined {
  operations ??= new Map(
    fromBinary(OpListSchema, gunzipSync(Buffer.from(REGISTERED_OPERATIONS, 'base64'))).op.map(
      (definition) => [definition.name, definition],
    ),
  );
  return operations.get(name);
}
