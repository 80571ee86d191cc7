import { fromJson, type JsonValue } from '@bufbuild/protobuf';

import { messageOf } from '../../../kernel/errors';
import { GraphDefSchema, type GraphDef } from '../../../saved-model/protobuf/tensorflow_pb';
import { ImportError } from '../import-error';

/**
 * The topology of a graph model as the GraphDef that it was made from: protobuf's JSON, with strings
 * in base64, 64-bit numbers as text and types by name. Old converters wrote strings as lists of
 * character codes.
 * @throws ImportError when it is not one
 */
export function graphFromJson(topology: unknown): GraphDef {
  try {
    // Parsed from a file of JSON.
    return fromJson(GraphDefSchema, withoutCodeLists(topology) as JsonValue, {
      ignoreUnknownFields: true,
    });
  } catch (cause) {
    throw new ImportError(`the graph cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function withoutCodeLists(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items: unknown[] = value;
    if (key === 's' && items.length > 0 && items.every((item) => typeof item === 'number')) {
      return Buffer.from(items).toString('base64');
    }
    return items.map((item) => withoutCodeLists(item, key));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, withoutCodeLists(member, name)]),
  );
}
