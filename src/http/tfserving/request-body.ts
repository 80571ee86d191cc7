import { ServingError } from '../../kernel/errors';
import {
  isJsonObject,
  parseJson,
  property,
  type JsonObject,
  type ParseJsonOptions,
} from '../json/parse-json';
import { typeError } from './json-type-error';

/**
 * The object that every request body is.
 * @throws ServingError BAD_REQUEST, PAYLOAD_TOO_LARGE
 */
export function parseRequestObject(body: Buffer, options?: ParseJsonOptions): JsonObject {
  const parsed = parseJson(body, options);
  if (!isJsonObject(parsed)) throw typeError(parsed, 'object');
  return parsed;
}

/** @throws ServingError BAD_REQUEST when it is no string */
export function signatureNameOf(request: JsonObject): string | undefined {
  const name = property(request, 'signature_name');
  if (name === undefined || typeof name === 'string') return name;
  throw new ServingError(
    'BAD_REQUEST',
    `'signature_name' key must be a string value. ${typeError(name, 'string').message}`,
  );
}
