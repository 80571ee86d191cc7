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
import { bigIntWithin, float32At, isBase64ObjectAt, readBytes } from '../tensors/element-sink';
import { encodeFeature, WireBytes, type FeatureKind } from './example-proto';

/** Values that are read between two pauses. */
const STEP_VALUES = 512;

/** What a value may be; whole numbers may stand among fractions, true and false among whole numbers. */
type ValueKind = 'whole' | 'fraction' | 'truth' | 'bytes';

/** Where a feature is, for messages. */
export interface FeaturePlace {
  readonly feature: string;
  /** Such as `examples[3]`. */
  readonly where: string;
}

/**
 * Reads the feature at the cursor, one value or a list of them, as tensorflow.Feature. All whole numbers make
 * an int64 feature (true is 1, false 0), numbers with fractions among them a float feature, strings and
 * `{"b64": …}` one of bytes. An empty list is a feature without values, as if it were missing.
 * @throws ServingError BAD_REQUEST naming the feature and the value
 */
export function* readFeature(cursor: JsonCursor, place: FeaturePlace): Steps<Uint8Array> {
  cursor.peek();
  const start = cursor.at;
  // The type follows from all values: they are looked at first, and written then.
  const kind = yield* kindOf(cursor, place);
  cursor.at = start;
  const values = new WireBytes();
  const write = writerOf(kind, values);
  yield* eachValue(cursor, function* (index) {
    try {
      yield* write(cursor);
    } catch (thrown) {
      if (!(thrown instanceof ServingError)) throw thrown;
      throw new ServingError('BAD_REQUEST', `${thrown.message} ${placeOf(place, index)}`);
    }
  });
  return encodeFeature(kind, values);
}

function writerOf(
  kind: FeatureKind | undefined,
  values: WireBytes,
): (cursor: JsonCursor) => Steps<void> {
  const int64 = bigIntWithin(
    -(2n ** 63n),
    2n ** 63n - 1n,
    (at) => new ServingError('BAD_REQUEST', `${previewAt(at).text}: Only int64 is supported.`),
  );
  return function* (cursor) {
    if (kind === 'float') {
      values.float(float32At(cursor));
    } else if (kind === 'bytes') {
      const { start, end } = yield* readBytes(cursor, { b64Objects: true });
      values.head(1, end - start);
      values.bytes(cursor.bytes.subarray(start, end));
    } else {
      const truth = truthAt(cursor);
      values.varint(truth === undefined ? int64(cursor) : Number(truth));
    }
  };
}

function* kindOf(cursor: JsonCursor, place: FeaturePlace): Steps<FeatureKind | undefined> {
  const found = new Set<ValueKind>();
  yield* eachValue(cursor, function* (index) {
    const from = cursor.at;
    const kind = yield* skipValue(cursor);
    const fits =
      kind !== undefined &&
      [...found].every(
        (other) => other === kind || other === 'whole' || (kind === 'whole' && other !== 'bytes'),
      ) &&
      !(kind === 'bytes' && found.size > 0 && !found.has('bytes'));
    if (fits) {
      found.add(kind);
      return;
    }
    cursor.at = from;
    const { text, type } = previewAt(cursor);
    throw new ServingError(
      'BAD_REQUEST',
      kind === undefined
        ? `Feature: ${place.feature} has element with unexpected JSON type: ${type}: ${text} ${placeOf(place, index)}`
        : `Unexpected element type in feature: ${place.feature} expecting type: ${featureKind(found) ?? ''}; given: ${text} ${placeOf(place, index)}`,
    );
  });
  return featureKind(found);
}

function featureKind(found: ReadonlySet<ValueKind>): FeatureKind | undefined {
  if (found.size === 0) return undefined;
  if (found.has('bytes')) return 'bytes';
  return found.has('fraction') ? 'float' : 'int64';
}

/** @returns undefined for what no feature holds: null, a list, an object */
function* skipValue(cursor: JsonCursor): Steps<ValueKind | undefined> {
  const byte = cursor.peek();
  if (byte === QUOTE || (byte === OPEN_OBJECT && (yield* isBase64ObjectAt(cursor)))) {
    yield* skipBytes(cursor);
    return 'bytes';
  }
  if (cursor.number() !== undefined) return cursor.wasInteger ? 'whole' : 'fraction';
  return truthAt(cursor) === undefined ? undefined : 'truth';
}

/** Consumes true or false, if one comes next. */
function truthAt(cursor: JsonCursor): boolean | undefined {
  const byte = cursor.peek();
  const { at } = cursor;
  // `t` and `f`.
  const word = byte === 0x74 || byte === 0x66 ? cursor.word() : undefined;
  if (typeof word === 'boolean') return word;
  cursor.at = at;
  return undefined;
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
function* eachValue(cursor: JsonCursor, visit: (index: number) => Steps<void>): Steps<void> {
  let index = 0;
  if (!cursor.take(OPEN_LIST)) {
    yield* visit(index);
    return;
  }
  if (cursor.take(CLOSE_LIST)) return;
  do {
    cursor.peek();
    yield* visit(index);
    index += 1;
    if (index % STEP_VALUES === 0) yield;
  } while (cursor.take(COMMA));
  cursor.require(CLOSE_LIST);
}

function placeOf({ feature, where }: FeaturePlace, index: number): string {
  return `(${where}, feature "${feature}", value ${index})`;
}
