import { ServingError } from '../../kernel/errors';
import type { Steps } from '../../kernel/time-slices';
import {
  CLOSE_LIST,
  COMMA,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
  type JsonCursor,
} from '../json/json-cursor';
import { previewAt } from '../json/json-preview';
import { endOfString } from '../json/json-string';
import { bigIntWithin, isBase64ObjectAt, readBytes } from '../tensors/element-sink';
import { encodeFeature, WireBytes } from './example-proto';

/** Values that are read between two pauses. */
const STEP_VALUES = 512;

type Kind = 'int64' | 'float' | 'bytes';

/**
 * Reads the feature at the cursor, one value or a list of them, as tensorflow.Feature. All whole
 * numbers make an int64 feature, other numbers a float feature, strings and `{"b64": …}` one of bytes.
 * @param where for messages
 * @throws ServingError BAD_REQUEST
 */
export function* readFeature(cursor: JsonCursor, where: string): Steps<Uint8Array> {
  cursor.peek();
  const start = cursor.at;
  // The type follows from all values: they are looked at first, and written then.
  const kind = yield* kindOf(cursor, where);
  cursor.at = start;
  const values = new WireBytes();
  const int64 = bigIntWithin(
    -(2n ** 63n),
    2n ** 63n - 1n,
    (at) => new ServingError('BAD_REQUEST', `${where}: ${previewAt(at).text} is not an int64`),
  );
  yield* eachValue(cursor, function* () {
    if (kind === 'int64') {
      values.varint(int64(cursor));
    } else if (kind === 'float') {
      values.float(cursor.number() ?? NaN);
    } else {
      const { start: from, end } = yield* readBytes(cursor, { b64Objects: true });
      values.head(1, end - from);
      values.bytes(cursor.bytes.subarray(from, end));
    }
  });
  return encodeFeature(kind, values);
}

function* kindOf(cursor: JsonCursor, where: string): Steps<Kind> {
  let kind: Kind = 'int64';
  let first = true;
  yield* eachValue(cursor, function* () {
    const byte = cursor.peek();
    const from = cursor.at;
    const isBytes = byte === QUOTE || (byte === OPEN_OBJECT && (yield* isBase64ObjectAt(cursor)));
    const isNumber = !isBytes && cursor.number() !== undefined;
    if ((!isBytes && !isNumber) || (!first && isBytes !== (kind === 'bytes'))) {
      cursor.at = from;
      throw new ServingError(
        'BAD_REQUEST',
        `${where}: ${previewAt(cursor).text} is not a number, a string or {"b64": …} like the others`,
      );
    }
    first = false;
    if (isBytes) {
      kind = 'bytes';
      yield* skipBytes(cursor);
    } else if (!cursor.wasInteger) {
      kind = 'float';
    }
  });
  return kind;
}

function* skipBytes(cursor: JsonCursor): Steps<void> {
  const inObject = cursor.take(OPEN_OBJECT);
  if (inObject) {
    cursor.string();
    // The colon, which was seen.
    cursor.at = cursor.bytes.indexOf(QUOTE, cursor.at);
  }
  cursor.at = (yield* endOfString(cursor.bytes, cursor.at + 1, cursor.end)) + 1;
  if (inObject) {
    cursor.peek();
    cursor.at += 1;
  }
}

/** Calls `visit` with the cursor at each value; it is behind it afterwards. */
function* eachValue(cursor: JsonCursor, visit: () => Steps<void>): Steps<void> {
  if (!cursor.take(OPEN_LIST)) {
    yield* visit();
    return;
  }
  if (cursor.take(CLOSE_LIST)) return;
  let untilPause = STEP_VALUES;
  do {
    yield* visit();
    untilPause -= 1;
    if (untilPause === 0) {
      untilPause = STEP_VALUES;
      yield;
    }
  } while (cursor.take(COMMA));
  cursor.require(CLOSE_LIST);
}
