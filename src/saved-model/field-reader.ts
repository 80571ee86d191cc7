import { SavedModelError } from './saved-model-error';

/** Bytes of a file that are wanted next. */
interface ByteRange {
  readonly at: number;
  readonly length: number;
}

/** Asks for ranges of a file one after the other; whoever drives it hands back their bytes. */
export type RangeReading<T> = Generator<ByteRange, T, Uint8Array>;

/** A field of a protobuf message as it lies in the file. */
export interface Field extends ByteRange {
  readonly number: number;
  /** Where its content begins and ends; `at` and `length` include its tag. */
  readonly start: number;
  readonly end: number;
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
/** A tag and a length have at most 10 bytes each. */
const LARGEST_HEAD = 20;

/**
 * Walks the fields of a message between two places of a file without reading what they hold: the
 * weights of a frozen model are one field of hundreds of MB.
 * @param visit may read on; what it answers is not used
 * @throws SavedModelError where the bytes are not a message
 */
export function* walkFields(
  from: number,
  to: number,
  visit: (field: Field) => RangeReading<void>,
): RangeReading<void> {
  let at = from;
  while (at < to) {
    const head = yield { at, length: Math.min(LARGEST_HEAD, to - at) };
    const tag = varint(head, 0);
    const wireType = tag.value % 8;
    const number = Math.floor(tag.value / 8);
    let start = at + tag.bytes;
    let end: number;
    if (wireType === VARINT) {
      end = start + varint(head, tag.bytes).bytes;
    } else if (wireType === FIXED64) {
      end = start + 8;
    } else if (wireType === FIXED32) {
      end = start + 4;
    } else if (wireType === LENGTH_DELIMITED) {
      const length = varint(head, tag.bytes);
      start += length.bytes;
      end = start + length.value;
    } else {
      throw malformed();
    }
    if (end > to || number === 0) throw malformed();
    yield* visit({ number, at, length: end - at, start, end });
    at = end;
  }
}

function varint(bytes: Uint8Array, from: number): { value: number; bytes: number } {
  let value = 0;
  for (let i = from; i < bytes.length && i < from + 10; i++) {
    const byte = bytes[i] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * (i - from));
    if (byte < 0x80) return { value, bytes: i - from + 1 };
  }
  throw malformed();
}

function malformed(): SavedModelError {
  return new SavedModelError('is not a SavedModel: the protobuf cannot be read');
}
