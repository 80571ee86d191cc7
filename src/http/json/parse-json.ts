import { messageOf, ServingError } from '../../kernel/errors';
import { scanJson, type JsonLimits } from './json-scan';
import { parseLossless, type JsonValue, type LosslessOptions } from './lossless-json';

/** A tensor of 32 dimensions fits; what is deeper was made to hurt. */
export const JSON_LIMITS: JsonLimits = {
  maxDepth: 64,
  maxContainers: 4_000_000,
  maxValues: 16_000_000,
};

/** Characters that a JavaScript string can safely have. */
const MAX_TEXT = 256 * 1024 * 1024;

export interface ParseJsonOptions extends LosslessOptions {
  /** @default JSON_LIMITS */
  readonly limits?: JsonLimits;
}

/**
 * Parses a body. NaN and Infinity are numbers; whole numbers beyond 2^53 are bigint.
 * @throws ServingError BAD_REQUEST, PAYLOAD_TOO_LARGE
 */
export function parseJson(body: Buffer, options: ParseJsonOptions = {}): JsonValue {
  if (body.length === 0) {
    throw new ServingError('BAD_REQUEST', 'JSON Parse error: The document is empty');
  }
  if (body.length > MAX_TEXT) {
    throw new ServingError(
      'PAYLOAD_TOO_LARGE',
      `The JSON has ${body.length} bytes; ${MAX_TEXT} are allowed: send the tensor in binary`,
    );
  }
  const { special } = scanJson(body, options.limits ?? JSON_LIMITS);
  const text = body.toString('utf8');
  try {
    return special || options.integersAsBigInt === true
      ? parseLossless(text, options)
      : (JSON.parse(text) as JsonValue);
  } catch (cause) {
    throw new ServingError('BAD_REQUEST', `JSON Parse error: ${messageOf(cause)}`, { cause });
  }
}

export type JsonObject = Readonly<Record<string, JsonValue>>;

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A property of the object itself. */
export function property(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A value for a message, cut short. */
export function preview(value: JsonValue): string {
  if (Array.isArray(value) && value.length > 16) return `[… ${value.length} elements]`;
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'bigint' || (typeof inner === 'number' && !Number.isFinite(inner))
      ? String(inner)
      : inner,
  );
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
