import type { Steps } from '../../kernel/time-slices';
import { syntaxError, type JsonCursor } from './json-cursor';
import { MAX_BLANK_BYTES, MAX_NUMBER_BYTES, type JsonBudget } from './json-limits';
import { JsonSlice } from './json-slice';
import { endOfString } from './json-string';

/** Bytes that are walked between two pauses: some tens of microseconds. */
const STEP_BYTES = 32 * 1024;

const OTHER = 0;
const QUOTE = 1;
const OPEN = 2;
const CLOSE = 3;
const COMMA = 4;
const COLON = 5;
const BLANK = 6;

const KINDS = new Uint8Array(256);
KINDS[0x22] = QUOTE;
KINDS[0x5b] = OPEN;
KINDS[0x7b] = OPEN;
KINDS[0x5d] = CLOSE;
KINDS[0x7d] = CLOSE;
KINDS[0x2c] = COMMA;
KINDS[0x3a] = COLON;
for (const blank of [0x20, 0x09, 0x0a, 0x0d]) KINDS[blank] = BLANK;

/**
 * Finds the end of the value at the cursor and counts what it holds: what is nested too deep or holds
 * too much is refused while it has cost nothing but its bytes. Says nothing on whether it is
 * well-formed.
 * @param depth lists and objects around it
 * @throws ServingError BAD_REQUEST, PAYLOAD_TOO_LARGE
 */
export function* skimValue(
  cursor: JsonCursor,
  budget: JsonBudget,
  depth: number,
): Steps<JsonSlice> {
  cursor.peek();
  const { bytes, end, at: start } = cursor;
  let at = start;
  let level = 0;
  let containers = 0;
  let commas = 0;
  let keys = 0;
  let allCommas = 0;
  /** Bytes of the number or word at hand, or of the blanks. */
  let run = 0;
  let blanks = 0;
  let pauseAt = at + STEP_BYTES;
  for (; at < end; at++) {
    if (at >= pauseAt) {
      pauseAt = at + STEP_BYTES;
      budget.count(containers, commas, keys);
      allCommas += commas;
      containers = commas = keys = 0;
      yield;
    }
    const kind = KINDS[bytes[at] ?? 0] ?? OTHER;
    if (kind === OTHER) {
      run += 1;
      blanks = 0;
      if (run > MAX_NUMBER_BYTES) {
        throw syntaxError(`a number of more than ${MAX_NUMBER_BYTES} characters at position ${at}`);
      }
      continue;
    }
    if (kind === BLANK) {
      blanks += 1;
      if (blanks > MAX_BLANK_BYTES)
        throw syntaxError(`more than ${MAX_BLANK_BYTES} blanks in a row`);
      continue;
    }
    if (level === 0 && at > start && kind !== QUOTE && kind !== OPEN) break;
    run = 0;
    blanks = 0;
    switch (kind) {
      case QUOTE: {
        const last: number = yield* endOfString(bytes, at + 1, end);
        at = last;
        break;
      }
      case OPEN:
        containers += 1;
        level += 1;
        budget.requireDepth(depth + level);
        break;
      case CLOSE:
        level -= 1;
        break;
      case COMMA:
        commas += 1;
        break;
      case COLON:
        keys += 1;
        break;
      default:
    }
    if (level <= 0) {
      at = Math.min(end, at + 1);
      break;
    }
  }
  budget.count(containers, commas + 1, keys);
  cursor.at = at;
  return new JsonSlice(bytes, start, at, allCommas + commas + 1);
}
