import { ServingError } from '../../kernel/errors';
import { JsonSlice } from '../json/json-slice';
import { previewOf } from '../json/json-preview';
import { property, type JsonObject, type JsonValue } from '../json/json-value';
import { readDocument, type Captures } from '../json/read-document';

/**
 * The object that every request body is.
 * @param captures what is read later, when the types of the inputs are known
 * @throws ServingError BAD_REQUEST, PAYLOAD_TOO_LARGE
 */
export async function readRequestObject(
  body: Buffer,
  captures: Captures,
  signal: AbortSignal,
): Promise<JsonObject> {
  const parsed = await readDocument(body, { captures, signal });
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
    if (!(parsed instanceof JsonSlice)) return parsed as JsonObject;
  }
  throw typeError(parsed, 'object');
}

/** A value that was captured. */
export function sliceOf(request: JsonObject, key: string): JsonSlice | undefined {
  const value = property(request, key);
  return value instanceof JsonSlice ? value : undefined;
}

/** @throws ServingError BAD_REQUEST when it is not a string */
export function signatureNameOf(request: JsonObject): string | undefined {
  const name = property(request, 'signature_name');
  if (name === undefined || typeof name === 'string') return name;
  throw new ServingError(
    'BAD_REQUEST',
    `'signature_name' key must be a string value. ${typeError(name, 'string').message}`,
  );
}

/** A value of the request that is of another JSON type than its place wants. */
export function typeError(value: JsonValue, expected: 'object' | 'list' | 'string'): ServingError {
  const { text, type } = previewOf(value);
  return new ServingError(
    'BAD_REQUEST',
    `JSON Value: ${text} Type: ${type} is not of expected type: ${expected}`,
  );
}
