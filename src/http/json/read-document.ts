import { isUtf8 } from 'node:buffer';

import { ServingError } from '../../kernel/errors';
import { inSlices, type Steps } from '../../kernel/time-slices';
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  JsonCursor,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
} from './json-cursor';
import {
  JsonBudget,
  MAX_STRING_BYTES,
  REQUEST_LIMITS,
  TENSOR_LIMITS,
  type JsonLimits,
} from './json-limits';
import type { JsonObject, JsonValue } from './json-value';
import { skimValue } from './skim-value';

/**
 * Which values of a document stay slices of the body, for the route to read by itself: `true`, or
 * what holds for the values of an object by their names; `*` stands for every item of a list.
 */
export type Captures = true | { readonly [key: string]: Captures };

export interface ReadDocumentOptions {
  /** @default none */
  readonly captures?: Captures;
  /** What the document may hold beside the captured values. @default REQUEST_LIMITS */
  readonly limits?: JsonLimits;
  /** What the captured values may hold, all together. @default TENSOR_LIMITS */
  readonly capturedLimits?: JsonLimits;
  /** Ends the work when the client has gone. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a JSON body, in slices of time however long it is. NaN and Infinity are numbers; whole
 * numbers beyond 2^53 are bigint.
 * @throws ServingError BAD_REQUEST, PAYLOAD_TOO_LARGE
 */
export function readDocument(bytes: Buffer, options: ReadDocumentOptions = {}): Promise<JsonValue> {
  return inSlices(documentSteps(bytes, options), options.signal);
}

export function* documentSteps(
  bytes: Buffer,
  { captures, limits = REQUEST_LIMITS, capturedLimits = TENSOR_LIMITS }: ReadDocumentOptions,
): Steps<JsonValue> {
  if (bytes.length === 0) {
    throw new ServingError('BAD_REQUEST', 'JSON Parse error: The document is empty');
  }
  if (!isUtf8(bytes)) throw new ServingError('BAD_REQUEST', 'JSON Parse error: it is not UTF-8');
  const reader = new DocumentReader(bytes, new JsonBudget(limits), new JsonBudget(capturedLimits));
  return yield* reader.document(captures);
}

class DocumentReader {
  readonly #cursor: JsonCursor;
  readonly #budget: JsonBudget;
  readonly #captured: JsonBudget;

  constructor(bytes: Buffer, budget: JsonBudget, captured: JsonBudget) {
    this.#cursor = new JsonCursor(bytes, startOf(bytes));
    this.#budget = budget;
    this.#captured = captured;
  }

  *document(captures: Captures | undefined): Steps<JsonValue> {
    const value = yield* this.#value(captures, 0);
    if (this.#cursor.peek() >= 0) throw this.#cursor.unexpected();
    return value;
  }

  *#value(captures: Captures | undefined, depth: number): Steps<JsonValue> {
    const cursor = this.#cursor;
    if (captures === true) {
      const slice = yield* skimValue(cursor, this.#captured, depth);
      if (slice.start === slice.end) throw cursor.unexpected();
      return slice;
    }
    this.#budget.count(0, 1, 0);
    switch (cursor.peek()) {
      case OPEN_LIST:
        return yield* this.#list(captures?.['*'], depth + 1);
      case OPEN_OBJECT:
        return yield* this.#object(captures, depth + 1);
      case QUOTE:
        return cursor.string(MAX_STRING_BYTES);
      default: {
        const from = cursor.at;
        const number = cursor.number();
        if (number === undefined) return cursor.word();
        return cursor.wasInteger && !Number.isSafeInteger(number)
          ? BigInt(cursor.text(from))
          : number;
      }
    }
  }

  *#list(captures: Captures | undefined, depth: number): Steps<JsonValue[]> {
    const cursor = this.#cursor;
    this.#budget.requireDepth(depth);
    this.#budget.count(1, 0, 0);
    cursor.at += 1;
    const list: JsonValue[] = [];
    if (cursor.take(CLOSE_LIST)) return list;
    do list.push(yield* this.#value(captures, depth));
    while (cursor.take(COMMA));
    cursor.require(CLOSE_LIST);
    return list;
  }

  *#object(captures: Captures | undefined, depth: number): Steps<JsonObject> {
    const cursor = this.#cursor;
    this.#budget.requireDepth(depth);
    this.#budget.count(1, 0, 0);
    cursor.at += 1;
    const object: Record<string, JsonValue> = {};
    if (cursor.take(CLOSE_OBJECT)) return object;
    do {
      this.#budget.count(0, 0, 1);
      const key = cursor.string();
      cursor.require(COLON);
      const inner =
        captures === undefined || captures === true || !Object.hasOwn(captures, key)
          ? undefined
          : captures[key];
      const value = yield* this.#value(inner, depth);
      // As JSON.parse does: a plain property, whatever it is called.
      Object.defineProperty(object, key, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    } while (cursor.take(COMMA));
    cursor.require(CLOSE_OBJECT);
    return object;
  }
}

/** Behind a byte-order mark, which some editors write and JSON does not know. */
function startOf(bytes: Buffer): number {
  return bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}
