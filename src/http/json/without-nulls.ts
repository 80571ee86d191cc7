import { JsonSlice } from './json-slice';
import type { JsonValue } from './json-value';

/**
 * The document without the members that are null: clients that write every member they know give null
 * for what they leave out. Of `parameters`, whose values may be anything, only their own members.
 */
export function withoutNulls(value: JsonValue, inner = true): JsonValue {
  if (typeof value !== 'object' || value === null || value instanceof JsonSlice) return value;
  if (isList(value)) return value.map((item) => withoutNulls(item, inner));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => !isNull(member))
      .map(([key, member]) => [key, inner ? withoutNulls(member, key !== 'parameters') : member]),
  );
}

function isNull(value: JsonValue): boolean {
  return value === null || (value instanceof JsonSlice && value.isNull);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
