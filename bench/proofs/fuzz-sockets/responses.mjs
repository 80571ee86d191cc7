const HEAD_END = Buffer.from('\r\n\r\n');
const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d) ([\t -~]*)$/;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*$/;
const ONCE = [
  'content-length',
  'content-type',
  'transfer-encoding',
  'x-request-id',
  'x-error-code',
];

class Malformed extends Error {}

/** Reads the answers on a connection, and trusts nothing: the first byte out of order is a problem. */
export class Responses {
  /** Complete answers but those of status 1xx: `status`, `headers` (a Map), `body`. */
  finals = [];
  /** Why what came is no HTTP; nothing is read beyond. */
  problem;
  #methods;
  #buffer = Buffer.alloc(0);
  #needed = 0;

  /** @param methods of the requests sent, as an answer to HEAD has no body */
  constructor(methods) {
    this.#methods = methods;
  }

  /** Bytes of an answer that is not complete. */
  get rest() {
    return this.#buffer;
  }

  push(chunk) {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    try {
      while (this.problem === undefined && this.#buffer.length >= this.#needed && this.#take());
    } catch (thrown) {
      if (!(thrown instanceof Malformed)) throw thrown;
      this.problem = `${thrown.message}, in ${JSON.stringify(this.#buffer.toString('latin1', 0, 300))}`;
    }
  }

  /** @returns whether an answer was complete */
  #take() {
    const headEnd = this.#buffer.indexOf(HEAD_END);
    if (headEnd === -1) {
      if (this.#buffer.length > 64 * 1024) throw new Malformed('a head without an end');
      return false;
    }
    const [first, ...lines] = this.#buffer.toString('latin1', 0, headEnd).split('\r\n');
    const status = Number(required(STATUS_LINE.exec(first), 'no status line')[1]);
    const headers = readHeaders(lines);
    const bodyAt = headEnd + HEAD_END.length;
    const body = this.#body(status, headers, bodyAt);
    if (body === undefined) return false;
    this.#buffer = this.#buffer.subarray(body.end);
    this.#needed = 1;
    if (status >= 200) this.finals.push({ status, headers, body: body.bytes });
    return true;
  }

  #body(status, headers, at) {
    const bodiless = status < 200 || status === 204 || status === 304;
    if (bodiless || this.#methods[this.finals.length] === 'HEAD') {
      return { bytes: Buffer.alloc(0), end: at };
    }
    const length = headers.get('content-length');
    if (headers.get('transfer-encoding') === 'chunked') {
      if (length !== undefined) throw new Malformed('a length and chunks');
      return readChunks(this.#buffer, at);
    }
    // Node's own refusals have neither, and the connection ends after them.
    if (length === undefined && headers.get('connection') === 'close') {
      return { bytes: this.#buffer.subarray(at), end: this.#buffer.length };
    }
    if (!/^\d+$/.test(length ?? '')) throw new Malformed('no length');
    this.#needed = at + Number(length);
    if (this.#buffer.length < this.#needed) return undefined;
    return { bytes: this.#buffer.subarray(at, this.#needed), end: this.#needed };
  }
}

function readHeaders(lines) {
  const headers = new Map();
  for (const line of lines) {
    const [, name, value] = required(HEADER.exec(line), `a header that is none: ${line}`);
    const key = name.toLowerCase();
    if (headers.has(key) && ONCE.includes(key)) throw new Malformed(`${key} twice`);
    headers.set(key, headers.has(key) ? `${headers.get(key)}, ${value}` : value);
  }
  return headers;
}

function readChunks(buffer, start) {
  const chunks = [];
  for (let at = start; ;) {
    const lineEnd = buffer.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const line = buffer.toString('latin1', at, lineEnd);
    if (!/^[0-9a-fA-F]{1,8}$/.test(line)) throw new Malformed(`a chunk of size ${line}`);
    const size = parseInt(line, 16);
    const end = lineEnd + 2 + size + 2;
    if (buffer.length < end) return undefined;
    if (buffer.toString('latin1', end - 2, end) !== '\r\n') {
      throw new Malformed('a chunk longer than its size');
    }
    if (size === 0) return { bytes: Buffer.concat(chunks), end };
    chunks.push(buffer.subarray(lineEnd + 2, end - 2));
    at = end;
  }
}

function required(value, why) {
  if (value === null) throw new Malformed(why);
  return value;
}
