import type { Steps } from '../../kernel/time-slices';
import { halfCharacter, QUOTE, syntaxError, type JsonCursor } from './json-cursor';

const BACKSLASH = 0x5c;
/** Strings up to here are walked; beyond, a native search is faster. */
const SHORT_STRING = 64;
/** Bytes that are handled between two pauses. */
const STEP_BYTES = 32 * 1024;

/** What the letter behind a backslash stands for; 0 where there is no such escape. */
const ESCAPES = new Uint8Array(128);
for (const [letter, byte] of [
  ['"', 0x22],
  ['\\', 0x5c],
  ['/', 0x2f],
  ['b', 0x08],
  ['f', 0x0c],
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
] as const) {
  ESCAPES[letter.charCodeAt(0)] = byte;
}
const UNICODE = 0x75;

/** Where a string is in the body. */
export interface StringRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Index of the quote that closes a string, or `end` when there is none.
 * @param from behind the opening quote
 */
export function* endOfString(bytes: Buffer, from: number, end: number): Steps<number> {
  let at = from;
  let walkTo = Math.min(end, from + SHORT_STRING);
  for (;;) {
    while (at < walkTo) {
      const pauseAt = Math.min(walkTo, at + STEP_BYTES);
      for (; at < pauseAt; at++) {
        const byte = bytes[at];
        if (byte === QUOTE) return at;
        if (byte === BACKSLASH) at += 1;
      }
      if (at < walkTo) yield;
    }
    if (at >= end) return end;
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0 || quote >= end) return end;
    if (bytes[quote - 1] !== BACKSLASH) return quote;
    // Whether it is escaped shows on the way there; where there is one escape there may be millions,
    // and a search for each would take longer.
    walkTo = Math.min(end, Math.max(quote + 1, at + STEP_BYTES));
  }
}

/**
 * Reads the string at the cursor, whose escapes are replaced where they stand: it is not copied, and
 * the body must not be read there again.
 * @throws ServingError BAD_REQUEST
 */
export function* readStringInPlace(cursor: JsonCursor): Steps<StringRange> {
  cursor.require(QUOTE);
  const { bytes, end, at: start } = cursor;
  let at = start;
  let pauseAt = at + STEP_BYTES;
  for (; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      cursor.at = at + 1;
      return { start, end: at };
    }
    if (byte === BACKSLASH) break;
    if (byte < 0x20) throw control(cursor, at);
    if (at >= pauseAt) {
      pauseAt = at + STEP_BYTES;
      yield;
    }
  }
  let to = at;
  while (at < end) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      cursor.at = at + 1;
      return { start, end: to };
    }
    if (byte < 0x20) throw control(cursor, at);
    if (byte !== BACKSLASH) {
      bytes[to++] = byte;
      at += 1;
    } else {
      const letter = bytes[at + 1] ?? 0;
      if (letter === UNICODE) {
        const code = codePointAt(bytes, at, end);
        if (code === undefined) throw control(cursor, at);
        to += writeUtf8(bytes, to, code);
        at += code > 0xffff ? 12 : 6;
      } else {
        const meant = ESCAPES[letter] ?? 0;
        if (meant === 0 || at + 1 >= end) throw control(cursor, at);
        bytes[to++] = meant;
        at += 2;
      }
    }
    if (at >= pauseAt) {
      pauseAt = at + STEP_BYTES;
      yield;
    }
  }
  throw syntaxError('Unterminated string in JSON');
}

function control(cursor: JsonCursor, at: number): Error {
  cursor.at = at;
  return cursor.unexpected();
}

/**
 * A character of a \u escape, and of the one behind it where they make a pair.
 * @returns undefined where there is no such escape
 * @throws ServingError BAD_REQUEST for half a pair
 */
function codePointAt(bytes: Buffer, at: number, end: number): number | undefined {
  const unit = unitAt(bytes, at, end);
  if (unit === undefined || unit < 0xd800 || unit > 0xdfff) return unit;
  const low = unit < 0xdc00 ? unitAt(bytes, at + 6, end) : undefined;
  if (low !== undefined && low >= 0xdc00 && low <= 0xdfff) {
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
  }
  throw halfCharacter(at);
}

function unitAt(bytes: Buffer, at: number, end: number): number | undefined {
  if (at + 6 > end || bytes[at] !== BACKSLASH || bytes[at + 1] !== UNICODE) return undefined;
  let unit = 0;
  for (let i = at + 2; i < at + 6; i++) {
    const digit = hexDigit(bytes[i] ?? 0);
    if (digit < 0) return undefined;
    unit = unit * 16 + digit;
  }
  return unit;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** @returns bytes written: never more than the escape has */
function writeUtf8(bytes: Buffer, to: number, code: number): number {
  if (code < 0x80) {
    bytes[to] = code;
    return 1;
  }
  if (code < 0x800) {
    bytes[to] = 0xc0 | (code >> 6);
    bytes[to + 1] = 0x80 | (code & 0x3f);
    return 2;
  }
  if (code < 0x10000) {
    bytes[to] = 0xe0 | (code >> 12);
    bytes[to + 1] = 0x80 | ((code >> 6) & 0x3f);
    bytes[to + 2] = 0x80 | (code & 0x3f);
    return 3;
  }
  bytes[to] = 0xf0 | (code >> 18);
  bytes[to + 1] = 0x80 | ((code >> 12) & 0x3f);
  bytes[to + 2] = 0x80 | ((code >> 6) & 0x3f);
  bytes[to + 3] = 0x80 | (code & 0x3f);
  return 4;
}
