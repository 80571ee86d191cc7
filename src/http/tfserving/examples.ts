import { ServingError } from '../../kernel/errors';
import { byteStringsOver, type ByteStrings } from '../../kernel/byte-strings';
import type { Steps } from '../../kernel/time-slices';
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  OPEN_LIST,
  OPEN_OBJECT,
  type JsonCursor,
} from '../json/json-cursor';
import type { JsonObject } from '../json/json-value';
import { isBase64ObjectAt, typeError as elementTypeError } from '../tensors/element-sink';
import { appendExample, WireBytes, type EncodedFeatures } from './example-proto';
import { readFeature } from './read-feature';
import { Uint32List } from '../tensors/uint32-list';
import { sliceOf, typeError } from './request-body';

/** Serialised examples may be so many times as long as the request: the context is in each of them. */
const MAX_GROWTH = 4;
const ALWAYS_ALLOWED = 1024 * 1024;

/**
 * The serialised examples of a classify or regress request, those of the context in each. A number
 * written without a point is an int64 feature, another a float feature.
 * @throws ServingError BAD_REQUEST, PAYLOAD_TOO_LARGE
 */
export function* examplesOf(request: JsonObject, bodyBytes: number): Steps<ByteStrings> {
  const examples = sliceOf(request, 'examples');
  if (examples === undefined) throw new ServingError('BAD_REQUEST', "Missing 'examples' key");
  if (!examples.isList) throw typeError(examples, 'list');
  const context = sliceOf(request, 'context');
  const shared: EncodedFeatures =
    context === undefined ? new Map() : yield* features(context.cursor(), 'context');
  const limit = ALWAYS_ALLOWED + MAX_GROWTH * bodyBytes;
  const encoded = new WireBytes();
  const bounds = new Uint32List();
  const cursor = examples.cursor();
  cursor.require(OPEN_LIST);
  if (cursor.peek() === CLOSE_LIST) return byteStringsOver(new Uint8Array(), bounds.finish());
  do {
    const own = yield* features(cursor, `examples[${bounds.length / 2}]`);
    bounds.push(encoded.length);
    appendExample(encoded, new Map([...shared, ...own]));
    bounds.push(encoded.length);
    if (encoded.length > limit) {
      throw new ServingError(
        'PAYLOAD_TOO_LARGE',
        `With the context in each, the examples have more than ${limit} bytes: send fewer at once`,
      );
    }
    yield;
  } while (cursor.take(COMMA));
  cursor.require(CLOSE_LIST);
  return byteStringsOver(encoded.finish(), bounds.finish());
}

/** The features of the object at the cursor. */
function* features(cursor: JsonCursor, where: string): Steps<Map<string, Uint8Array>> {
  if (cursor.peek() !== OPEN_OBJECT || (yield* isBase64ObjectAt(cursor))) {
    const error = elementTypeError(cursor, 'object');
    throw new ServingError('BAD_REQUEST', `${where}: ${error.message}`);
  }
  const found = new Map<string, Uint8Array>();
  cursor.require(OPEN_OBJECT);
  if (cursor.take(CLOSE_OBJECT)) return found;
  do {
    const name = cursor.string();
    cursor.require(COLON);
    found.set(name, yield* readFeature(cursor, { feature: name, where }));
  } while (cursor.take(COMMA));
  cursor.require(CLOSE_OBJECT);
  return found;
}
