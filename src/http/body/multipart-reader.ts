import { ServingError } from '../../kernel/errors';
import { partHeaders, type PartHeaders } from './part-headers';

/** Takes the content of a part. */
export interface PartSink {
  readonly data: (chunk: Buffer) => void;
}

/** Bytes before the first boundary, and of a part's header, at most. */
const MAX_HEADER_BYTES = 16 * 1024;
const DASHES = '--';
const SPACE = 0x20;
const TAB = 0x09;
const CR = 0x0d;
const LF = 0x0a;
const DASH = 0x2d;

/** The line of a boundary, behind its text. */
interface BoundaryLine {
  readonly kind: 'next' | 'last';
  /** Where what follows begins. */
  readonly end: number;
  readonly lineEnd: string;
}
/** Not a boundary after all, or more has to come to tell. */
type NoBoundary = { readonly kind: 'other' } | { readonly kind: 'cut' };

/**
 * Takes a multipart body apart as it comes (RFC 2046, 5.1). Nothing is kept of it but what may be a
 * boundary or the header of a part. Lines may end with LF alone.
 */
export class MultipartReader {
  readonly #boundary: Buffer;
  readonly #onPart: (headers: PartHeaders) => PartSink;
  #state: 'preamble' | 'header' | 'content' | 'epilogue' = 'preamble';
  #lineEnd = '\r\n';
  /** The boundary and the end of the line in front of it. */
  #delimiter: Buffer;
  #rest: Buffer = Buffer.alloc(0);
  #part: PartSink | undefined;

  /** @param onPart may throw, and so may its sinks: `push` throws what they do */
  constructor(boundary: string, onPart: (headers: PartHeaders) => PartSink) {
    this.#boundary = Buffer.from(DASHES + boundary, 'latin1');
    this.#delimiter = this.#boundary;
    this.#onPart = onPart;
  }

  /** @throws ServingError BAD_REQUEST for what is not a form */
  push(chunk: Buffer): void {
    let bytes: Buffer | undefined =
      this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = bytes.subarray(bytes.length);
    while (bytes !== undefined && bytes.length > 0) bytes = this.#step(bytes);
  }

  /** @throws ServingError BAD_REQUEST unless the last boundary has come */
  finish(): void {
    if (this.#state === 'epilogue') return;
    throw malformed(
      this.#state === 'preamble'
        ? 'the boundary that its Content-Type names is not in it'
        : 'its end is missing',
    );
  }

  /** @returns what is left to look at; undefined when more has to come */
  #step(bytes: Buffer): Buffer | undefined {
    switch (this.#state) {
      case 'preamble':
        return this.#preamble(bytes);
      case 'header':
        return this.#header(bytes);
      case 'content':
        return this.#content(bytes);
      case 'epilogue':
        return undefined;
    }
  }

  #preamble(bytes: Buffer): Buffer | undefined {
    for (let at = 0; ; at += 1) {
      at = bytes.indexOf(this.#boundary, at);
      if (at < 0) break;
      if (at > 0 && bytes[at - 1] !== LF) continue;
      const line = lineBehind(bytes, at + this.#boundary.length);
      if (line.kind === 'cut') break;
      if (line.kind !== 'other') return this.#begin(bytes, line);
    }
    if (bytes.length > MAX_HEADER_BYTES) throw malformed('it does not begin with its boundary');
    return this.#keep(bytes);
  }

  #header(bytes: Buffer): Buffer | undefined {
    const empty = this.#lineEnd;
    const end = startsWith(bytes, empty) ? 0 : bytes.indexOf(empty + empty);
    if (end < 0 || end > MAX_HEADER_BYTES) {
      if (bytes.length <= MAX_HEADER_BYTES) return this.#keep(bytes);
      throw malformed(`the header of a part is longer than ${MAX_HEADER_BYTES} bytes`);
    }
    this.#part = this.#onPart(partHeaders(bytes.subarray(0, end)));
    this.#state = 'content';
    return bytes.subarray(end + (end === 0 ? 1 : 2) * empty.length);
  }

  #content(bytes: Buffer): Buffer | undefined {
    const delimiter = this.#delimiter;
    for (let at = bytes.indexOf(delimiter); at >= 0; at = bytes.indexOf(delimiter, at + 1)) {
      const line = lineBehind(bytes, at + delimiter.length);
      // A form keeps to one way of ending lines.
      const isOther = line.kind === 'next' && line.lineEnd !== this.#lineEnd;
      if (line.kind === 'other' || isOther) continue;
      this.#give(bytes.subarray(0, at));
      return line.kind === 'cut' ? this.#keep(bytes.subarray(at)) : this.#begin(bytes, line);
    }
    // A boundary may begin in the last bytes.
    const from = Math.max(0, bytes.length - delimiter.length + 1);
    const start = bytes.indexOf(this.#lineEnd.charCodeAt(0), from);
    const kept = start < 0 ? bytes.length : start;
    this.#give(bytes.subarray(0, kept));
    return this.#keep(bytes.subarray(kept));
  }

  #begin(bytes: Buffer, line: BoundaryLine): Buffer | undefined {
    this.#part = undefined;
    this.#lineEnd = line.lineEnd;
    this.#delimiter = Buffer.concat([Buffer.from(line.lineEnd), this.#boundary]);
    this.#state = line.kind === 'last' ? 'epilogue' : 'header';
    return bytes.subarray(line.end);
  }

  #give(content: Buffer): void {
    if (content.length > 0) this.#part?.data(content);
  }

  #keep(bytes: Buffer): Buffer | undefined {
    this.#rest = bytes;
    return undefined;
  }
}

/** Two dashes, or the end of the line behind spaces; anything else belongs to the content. */
function lineBehind(bytes: Buffer, from: number): BoundaryLine | NoBoundary {
  let at = from;
  if (bytes[at] === DASH) {
    if (at + 1 >= bytes.length) return { kind: 'cut' };
    return bytes[at + 1] === DASH ? { kind: 'last', end: at + 2, lineEnd: '' } : { kind: 'other' };
  }
  while (bytes[at] === SPACE || bytes[at] === TAB) at += 1;
  if (at >= bytes.length) return { kind: at - from > MAX_HEADER_BYTES ? 'other' : 'cut' };
  if (bytes[at] === LF) return { kind: 'next', end: at + 1, lineEnd: '\n' };
  if (bytes[at] !== CR) return { kind: 'other' };
  if (at + 1 >= bytes.length) return { kind: 'cut' };
  return bytes[at + 1] === LF ? { kind: 'next', end: at + 2, lineEnd: '\r\n' } : { kind: 'other' };
}

function startsWith(bytes: Buffer, text: string): boolean {
  return bytes.toString('latin1', 0, text.length) === text;
}

function malformed(why: string): ServingError {
  return new ServingError('BAD_REQUEST', `The multipart form is malformed: ${why}`);
}
