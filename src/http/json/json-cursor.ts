import { ServingError } from '../../kernel/errors';
import { MAX_BLANK_BYTES, MAX_KEY_BYTES, MAX_NUMBER_BYTES } from './json-limits';

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_LIST = 0x5b;
export const CLOSE_LIST = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;

const WORDS: ReadonlyMap<string, null | boolean | number> = new Map<
  string,
  null | boolean | number
>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', NaN],
  ['-NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['Inf', Infinity],
  ['-Inf', -Infinity],
]);
const LONE_SURROGATE = /\p{Surrogate}/u;
const LONGEST_WORD = '-Infinity'.length;

/** Powers of ten that a double holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);
/** Whole numbers of so many digits are exact in a double. */
const EXACT_DIGITS = 15;
/** With so many, each digit beyond adds two roundings of a double at most: 9 units in all. */
const SEVERAL_DIGITS = 19;

/** A double, and the lower half of its bits. */
const DOUBLE = new Float64Array(1);
const BITS = new Uint32Array(DOUBLE.buffer);
/** The bits of a double that a float32 lacks, and half of what they can say. */
const LOST_BITS = 0x1fff_ffff;
const HALF = 0x1000_0000;
/** Units of a double that it may be off by, with a margin. */
const UNCERTAIN = 32;
const LEAST_FLOAT32 = 1.1754943508222875e-38;

/** A position in the bytes of a JSON text, and the tokens that can be read from there. */
export class JsonCursor {
  readonly bytes: Buffer;
  /** Behind the last byte that belongs to the text. */
  readonly end: number;
  at: number;
  /** Whether the number read last was written without a point and an exponent. */
  wasInteger = false;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** The next byte that is not blank, which is not consumed; -1 at the end. */
  peek(): number {
    const { bytes, end } = this;
    let at = this.at;
    while (at < end) {
      const byte = bytes[at] ?? 0;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) {
        this.at = at;
        return byte;
      }
      at += 1;
      if (at - this.at > MAX_BLANK_BYTES) {
        throw syntaxError(`more than ${MAX_BLANK_BYTES} blanks in a row`);
      }
    }
    this.at = at;
    return -1;
  }

  /** Whether `byte` comes next, blanks aside; if so it is consumed. */
  take(byte: number): boolean {
    if (this.peek() !== byte) return false;
    this.at += 1;
    return true;
  }

  /** @throws ServingError BAD_REQUEST when something else comes next */
  require(byte: number): void {
    if (!this.take(byte)) throw this.unexpected();
  }

  /**
   * A number or one of the words that stand for one; undefined when something else comes next.
   * @param forFloat32 the caller rounds to float32: a double that rounds alike will do
   */
  number(forFloat32 = false): number | undefined {
    const byte = this.peek();
    if (byte === MINUS || (byte >= ZERO && byte <= 0x39)) {
      const { at } = this;
      const value = this.#digits(at, forFloat32);
      if (value !== undefined) return value;
      this.at = at;
    }
    const word = byte === MINUS || byte === 0x4e || byte === 0x49 ? this.word() : undefined;
    this.wasInteger = false;
    return typeof word === 'number' ? word : undefined;
  }

  /** Text of the number that begins at `from` and ends where the cursor is. */
  text(from: number): string {
    return this.bytes.toString('latin1', from, this.at);
  }

  /** true, false, null or a word for a number. @throws ServingError BAD_REQUEST */
  word(): null | boolean | number {
    this.peek();
    const { bytes, at } = this;
    let end = at + (bytes[at] === MINUS ? 1 : 0);
    while (end < this.end && end - at <= LONGEST_WORD && isLetter(bytes[end] ?? 0)) end += 1;
    const word = WORDS.get(bytes.toString('latin1', at, end));
    if (word === undefined) throw this.unexpected();
    this.at = end;
    return word;
  }

  /**
   * A name or a short text; an opening quote comes next.
   * @param maxBytes of it as it is written
   * @throws ServingError BAD_REQUEST
   */
  string(maxBytes = MAX_KEY_BYTES): string {
    this.require(QUOTE);
    const { bytes, at: from } = this;
    const last = Math.min(this.end, from + maxBytes + 1);
    let plain = true;
    for (let at = from; at < last; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        this.at = at + 1;
        return plain ? bytes.toString('utf8', from, at) : this.#unescaped(from - 1, at + 1);
      }
      if (byte === BACKSLASH) {
        plain = false;
        at += 1;
      } else if (byte < 0x20) {
        this.at = at;
        throw this.unexpected();
      }
    }
    if (last < this.end)
      throw syntaxError(`a text of more than ${maxBytes} bytes at position ${from}`);
    this.at = this.end;
    throw this.unexpected();
  }

  #unescaped(from: number, to: number): string {
    let text: string;
    try {
      text = JSON.parse(this.bytes.toString('utf8', from, to)) as string;
    } catch {
      this.at = from;
      throw this.unexpected();
    }
    if (LONE_SURROGATE.test(text)) throw halfCharacter(from);
    return text;
  }

  /** What stands where something else was due. */
  unexpected(): ServingError {
    if (this.peek() < 0) return syntaxError('Unexpected end of JSON input');
    const character = this.bytes
      .toString('utf8', this.at, Math.min(this.end, this.at + 4))
      .slice(0, 1);
    return syntaxError(
      `Unexpected token ${JSON.stringify(character)} in JSON at position ${this.at}`,
    );
  }

  /** @returns undefined when it is not a number after all */
  #digits(from: number, forFloat32: boolean): number | undefined {
    const { bytes } = this;
    const end = Math.min(this.end, from + MAX_NUMBER_BYTES + 1);
    let at = from;
    const negative = bytes[at] === MINUS;
    if (negative) at += 1;
    const first = at;
    let mantissa = 0;
    let digit = (bytes[at] ?? 0) - ZERO;
    while (at < end && digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit;
      digit = (bytes[++at] ?? 0) - ZERO;
    }
    let digits = at - first;
    if (digits === 0) return undefined;
    // A zero is never followed by another digit.
    if (digits > 1 && bytes[first] === ZERO) {
      this.at = first + 1;
      throw this.unexpected();
    }
    let scale = 0;
    this.wasInteger = true;
    if (at < end && bytes[at] === POINT) {
      this.wasInteger = false;
      const point = at;
      digit = (bytes[++at] ?? 0) - ZERO;
      while (at < end && digit >= 0 && digit <= 9) {
        mantissa = mantissa * 10 + digit;
        digit = (bytes[++at] ?? 0) - ZERO;
      }
      scale = point + 1 - at;
      if (scale === 0) throw this.#badNumber(at);
      digits -= scale;
    }
    if (at < end && ((bytes[at] ?? 0) | 0x20) === 0x65) {
      this.wasInteger = false;
      const exponent = this.#exponent(at + 1);
      at = this.at;
      scale += exponent;
    }
    this.at = at;
    if (at - from > MAX_NUMBER_BYTES) {
      throw syntaxError(`a number of more than ${MAX_NUMBER_BYTES} characters at position ${from}`);
    }
    if (digits <= (forFloat32 ? SEVERAL_DIGITS : EXACT_DIGITS) && scale >= -22 && scale <= 22) {
      const value = scale < 0 ? mantissa / (POWERS[-scale] ?? 1) : mantissa * (POWERS[scale] ?? 1);
      // Below 2^53 both the digits and the power of ten are exact: so is one operation on them.
      if (digits <= EXACT_DIGITS || roundsSafely(value)) return negative ? -value : value;
    }
    return Number(bytes.toString('latin1', from, at));
  }

  #exponent(from: number): number {
    const { bytes, end } = this;
    let at = from;
    const sign = bytes[at];
    if (at < end && (sign === MINUS || sign === 0x2b)) at += 1;
    const first = at;
    let exponent = 0;
    for (; at < end; at++) {
      const digit = (bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      exponent = Math.min(10_000, exponent * 10 + digit);
    }
    if (at === first) throw this.#badNumber(at);
    this.at = at;
    return sign === MINUS ? -exponent : exponent;
  }

  #badNumber(at: number): ServingError {
    this.at = at;
    return this.unexpected();
  }
}

/** Whether a double that is a few units off rounds to the same float32 as the exact value. */
function roundsSafely(value: number): boolean {
  if (value < LEAST_FLOAT32) return false;
  DOUBLE[0] = value;
  const lost = (BITS[0] ?? 0) & LOST_BITS;
  return lost < HALF - UNCERTAIN || lost > HALF + UNCERTAIN;
}

/** An escape such as `\ud800` alone: it stands for nothing, and has no bytes. */
export function halfCharacter(at: number): ServingError {
  return syntaxError(`The surrogate pair in string is invalid. (position ${at})`);
}

export function syntaxError(message: string): ServingError {
  return new ServingError('BAD_REQUEST', `JSON Parse error: ${message}`);
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
