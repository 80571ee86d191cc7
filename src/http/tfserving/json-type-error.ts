import { ServingError } from '../../kernel/errors';
import type { JsonValue } from '../json/lossless-json';
import { preview } from '../json/parse-json';
import { jsonTypeName } from '../tensors/json-elements';

/** A value of the request that is of another JSON type than its place wants. */
export function typeError(value: JsonValue, expected: 'object' | 'list' | 'string'): ServingError {
  return new ServingError(
    'BAD_REQUEST',
    `JSON Value: ${preview(value)} Type: ${jsonTypeName(value)} is not of expected type: ${expected}`,
  );
}
