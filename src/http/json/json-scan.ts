import { ServingError } from '../../kernel/errors';

export interface JsonLimits {
  /** Lists and objects inside each other. */
  readonly maxDepth: number;
  /** Lists and objects altogether. */
  readonly maxContainers: number;
  /** Numbers, strings and other values. */
  readonly maxValues: number;
}

export interface JsonFacts {
  /** Holds NaN, Infinity or whole numbers that a double cannot carry: JSON.parse will not do. */
  readonly special: boolean;
}

/** Digits that may be too many for a double; 2^53 has 16. */
const LONG_NUMBER = 16;
/** Strings up to here are walked; beyond, a native search is faster. */
const SHORT_STRING = 64;

/** Small enough that no number counts up from it. */
const BEHIND_POINT = -1_000_000_000;

const OTHER = 0;
const QUOTE = 1;
const OPEN = 2;
const CLOSE = 3;
const COMMA = 4;
const TOKEN = 5;
const DIGIT = 6;
const POINT = 7;

const KINDS = new Uint8Array(256);
KINDS[0x22] = QUOTE;
KINDS[0x5b] = OPEN;
KINDS[0x7b] = OPEN;
KINDS[0x5d] = CLOSE;
KINDS[0x7d] = CLOSE;
KINDS[0x2c] = COMMA;
KINDS[0x2e] = POINT;
// N of NaN and I of Infinity.
KINDS[0x4e] = TOKEN;
KINDS[0x49] = TOKEN;
for (let digit = 0x30; digit <= 0x39; digit++) KINDS[digit] = DIGIT;

/**
 * Walks over JSON before it is parsed: what is nested too deep or holds too much is refused while
 * it has cost nothing but its bytes. Says nothing on whether it is well-formed.
 * @throws ServingError BAD_REQUEST (depth), PAYLOAD_TOO_LARGE (number of values)
 */
export function scanJson(bytes: Uint8Array, limits: JsonLimits): JsonFacts {
  let depth = 0;
  let containers = 0;
  let values = 1;
  let special = false;
  // Digits of the whole number at hand; far below zero behind a decimal point.
  let digits = 0;
  for (let i = 0; i < bytes.length; i++) {
    const kind = KINDS[bytes[i] ?? 0] ?? OTHER;
    if (kind === DIGIT) {
      digits += 1;
      if (digits === LONG_NUMBER) special = true;
      continue;
    }
    digits = 0;
    if (kind === OTHER) continue;
    switch (kind) {
      case POINT:
        digits = BEHIND_POINT;
        break;
      case QUOTE:
        i = endOfString(bytes, i + 1);
        break;
      case OPEN:
        containers += 1;
        depth += 1;
        if (depth > limits.maxDepth) {
          throw new ServingError(
            'BAD_REQUEST',
            `JSON Parse error: lists and objects are nested deeper than ${limits.maxDepth}`,
          );
        }
        break;
      case CLOSE:
        depth -= 1;
        break;
      case COMMA:
        values += 1;
        break;
      case TOKEN:
        special = true;
        break;
      default:
    }
  }
  if (containers > limits.maxContainers || values > limits.maxValues) {
    throw new ServingError(
      'PAYLOAD_TOO_LARGE',
      `The JSON holds ${values} values in ${containers} lists and objects; ${limits.maxValues} in ${limits.maxContainers} are allowed: send the tensor in binary`,
    );
  }
  return { special };
}

/** Index of the closing quote, or of the last byte when there is none. */
function endOfString(bytes: Uint8Array, start: number): number {
  let i = start;
  for (const end = Math.min(bytes.length, start + SHORT_STRING); i < end; i++) {
    if (bytes[i] === 0x5c) i += 1;
    else if (bytes[i] === 0x22) return i;
  }
  for (;;) {
    const quote = bytes.indexOf(0x22, i);
    if (quote < 0) return bytes.length;
    let before = quote - 1;
    while (before >= i && bytes[before] === 0x5c) before -= 1;
    if ((quote - before) % 2 === 1) return quote;
    i = quote + 1;
  }
}
