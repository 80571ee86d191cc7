import { JsonCursor, OPEN_LIST, OPEN_OBJECT, QUOTE } from './json-cursor';

/** A value that has not been read yet: where it stands in the body, and how much it can hold. */
export class JsonSlice {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Numbers, strings and other values in it at most. */
  readonly maxValues: number;

  constructor(bytes: Buffer, start: number, end: number, maxValues: number) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.maxValues = maxValues;
  }

  cursor(): JsonCursor {
    return new JsonCursor(this.bytes, this.start, this.end);
  }

  get isList(): boolean {
    return this.bytes[this.start] === OPEN_LIST;
  }

  get isObject(): boolean {
    return this.bytes[this.start] === OPEN_OBJECT;
  }

  get isNull(): boolean {
    const { bytes, start, end } = this;
    return end - start === 4 && bytes.toString('latin1', start, end) === 'null';
  }

  get isString(): boolean {
    return this.bytes[this.start] === QUOTE;
  }
}
