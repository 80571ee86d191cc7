import type { JsonSlice } from './json-slice';

/**
 * What JSON holds. Whole numbers beyond 2^53 are bigint; NaN and infinities are numbers. What a
 * route reads by itself is a slice of the body.
 */
export type JsonValue =
  null | boolean | number | bigint | string | JsonSlice | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** A property of the object itself. */
export function property(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
