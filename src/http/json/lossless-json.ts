/** What JSON holds, with whole numbers beyond 2^53 as bigint. */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /-?[A-Za-z]+/y;
const BLANK = /[ \t\r\n]*/y;
const STRING_END = /["\\]/g;

const WORDS: Readonly<Record<string, JsonValue>> = {
  true: true,
  false: false,
  null: null,
  NaN: NaN,
  Infinity: Infinity,
  '-Infinity': -Infinity,
  Inf: Infinity,
  '-Inf': -Infinity,
};

export interface LosslessOptions {
  /**
   * Every number written without a point or an exponent is a bigint: tells 1 from 1.0.
   * @default false
   */
  readonly integersAsBigInt?: boolean;
}

/**
 * Parses JSON with the tokens NaN, Infinity and -Infinity, and keeps long whole numbers exact.
 * Several times slower than JSON.parse. It recurses as deep as the text is nested: that must have
 * been limited before.
 * @throws SyntaxError
 */
export function parseLossless(text: string, options: LosslessOptions = {}): JsonValue {
  const parser = new LosslessParser(text, options.integersAsBigInt ?? false);
  return parser.document();
}

class LosslessParser {
  readonly #text: string;
  readonly #integersAsBigInt: boolean;
  #at = 0;

  constructor(text: string, integersAsBigInt: boolean) {
    this.#text = text;
    this.#integersAsBigInt = integersAsBigInt;
  }

  document(): JsonValue {
    const value = this.#value();
    this.#blank();
    if (this.#at < this.#text.length) throw this.#unexpected();
    return value;
  }

  #value(): JsonValue {
    this.#blank();
    switch (this.#text[this.#at]) {
      case '[':
        return this.#list();
      case '{':
        return this.#object();
      case '"':
        return this.#string();
      case undefined:
      default:
        return this.#number() ?? this.#word();
    }
  }

  #list(): JsonValue[] {
    const list: JsonValue[] = [];
    this.#at += 1;
    if (this.#take(']')) return list;
    do list.push(this.#value());
    while (this.#take(','));
    if (!this.#take(']')) throw this.#unexpected();
    return list;
  }

  #object(): { readonly [key: string]: JsonValue } {
    const object: Record<string, JsonValue> = {};
    this.#at += 1;
    if (this.#take('}')) return object;
    do {
      this.#blank();
      if (this.#text[this.#at] !== '"') throw this.#unexpected();
      const key = this.#string();
      if (!this.#take(':')) throw this.#unexpected();
      const value = this.#value();
      // As JSON.parse does: a plain property, whatever it is called.
      Object.defineProperty(object, key, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    } while (this.#take(','));
    if (!this.#take('}')) throw this.#unexpected();
    return object;
  }

  #string(): string {
    const start = this.#at;
    STRING_END.lastIndex = start + 1;
    for (;;) {
      const found = STRING_END.exec(this.#text);
      if (found === null) throw new SyntaxError('Unterminated string in JSON');
      if (found[0] === '"') break;
      STRING_END.lastIndex = found.index + 2;
    }
    this.#at = STRING_END.lastIndex;
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #number(): number | bigint | undefined {
    const text = this.#match(NUMBER);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (Number.isSafeInteger(value) && !this.#integersAsBigInt) return value;
    return /^-?\d+$/.test(text) ? BigInt(text) : value;
  }

  #word(): JsonValue {
    const start = this.#at;
    const word = this.#match(WORD);
    if (word !== undefined && Object.hasOwn(WORDS, word)) return WORDS[word] ?? null;
    this.#at = start;
    throw this.#unexpected();
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found[0];
  }

  #blank(): void {
    BLANK.lastIndex = this.#at;
    BLANK.exec(this.#text);
    this.#at = BLANK.lastIndex;
  }

  /** Whether `character` comes next, blanks aside; if so it is passed. */
  #take(character: string): boolean {
    this.#blank();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #unexpected(): SyntaxError {
    const found = this.#text[this.#at];
    return new SyntaxError(
      found === undefined
        ? 'Unexpected end of JSON input'
        : `Unexpected token ${JSON.stringify(found)} in JSON at position ${this.#at}`,
    );
  }
}
