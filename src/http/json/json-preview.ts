import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  type JsonCursor,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
} from './json-cursor';
import { JsonSlice } from './json-slice';
import type { JsonValue } from './json-value';

const PREVIEW_LENGTH = 100;
/** Bytes that are looked at to find the end of a value. */
const WINDOW = 256;

/** A value for a message, cut short, with the name of its type as TensorFlow Serving has it. */
export interface JsonPreview {
  readonly text: string;
  readonly type: string;
}

/** The value at the cursor, as it is written. */
export function previewAt(cursor: JsonCursor): JsonPreview {
  const byte = cursor.peek();
  const { bytes, at } = cursor;
  const window = bytes.toString('utf8', at, Math.min(cursor.end, at + WINDOW));
  return { text: shortened(firstValue(window)), type: typeAt(byte) };
}

export function previewOf(value: JsonValue): JsonPreview {
  if (value instanceof JsonSlice) return previewAt(value.cursor());
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    inner instanceof JsonSlice
      ? firstValue(
          inner.bytes.toString('utf8', inner.start, Math.min(inner.end, inner.start + WINDOW)),
        )
      : typeof inner === 'bigint' || (typeof inner === 'number' && !Number.isFinite(inner))
        ? String(inner)
        : inner,
  );
  return { text: shortened(text), type: typeName(value) };
}

function typeAt(byte: number): string {
  switch (byte) {
    case OPEN_LIST:
      return 'Array';
    case OPEN_OBJECT:
      return 'Object';
    case QUOTE:
      return 'String';
    case 0x74:
      return 'True';
    case 0x66:
      return 'False';
    case 0x6e:
      return 'Null';
    default:
      return 'Number';
  }
}

function typeName(value: JsonValue): string {
  if (value === null) return 'Null';
  if (Array.isArray(value)) return 'Array';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return 'String';
  return typeof value === 'object' ? 'Object' : 'Number';
}

/** The first value of a text that goes on behind it, or all of the text when it is not over there. */
function firstValue(text: string): string {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i += 1;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) {
      inString = true;
    } else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      depth += 1;
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) {
      depth -= 1;
      if (depth < 0) return text.slice(0, i).trimEnd();
    } else if (code === 0x2c && depth === 0) {
      return text.slice(0, i).trimEnd();
    } else {
      continue;
    }
    if (depth === 0 && !inString) return text.slice(0, i + 1);
  }
  return text;
}

function shortened(text: string): string {
  return text.length > PREVIEW_LENGTH ? `${text.slice(0, PREVIEW_LENGTH)}…` : text;
}
