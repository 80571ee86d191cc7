import { compress } from './compress.mjs';
import { mutateTarget } from './mutate-target.mjs';

const METHODS = 'PUT CONNECT DELETE OPTIONS PATCH GET POST HEAD TRACE PURGE get Po'.split(' ');
const VERSIONS = [
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'HTTP/1.2',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/1',
  '',
];
const HOSTS = [[], ['a', 'b'], [''], ['a b'], ['[::1']];
const IDS = ['', 'ü', 'a b', '__proto__', 'x'.repeat(129), '<script>'];
const LENGTHS = [
  '-1',
  '+5',
  '0x10',
  '1e3',
  '5, 5',
  '5,6',
  '',
  ' ',
  '9'.repeat(20),
  '9007199254740993',
  '1 0',
  '1;',
];
const ENCODINGS = [
  'identity',
  'chunked, identity',
  'gzip, chunked',
  'chunked, chunked',
  'xchunked',
  '',
  'CHUNKED',
];
const EXPECTATIONS = ['100-continue', '100-Continue', '200-ok', '', 'x'.repeat(3000)];
const ACCEPTED = [
  '*/*',
  'text/html',
  'image/png',
  'application/json;q=0',
  ';;;',
  '*/*;q=0',
  'a'.repeat(5000),
];
const TYPES = [
  ...[
    '',
    '/',
    '*/*',
    'image/',
    'image/svg+xml',
    'image/jpeg, image/png',
    'text/plain',
    'a'.repeat(5000),
  ],
  ...[
    'multipart/form-data',
    'multipart/mixed; boundary=a-boundary',
    'application/x-www-form-urlencoded',
  ],
  ...[
    'application/json',
    'application/json; charset',
    'APPLICATION/JSON',
    'application/problem+json',
  ],
];
const CHARSETS = [
  'utf-8',
  'UTF8',
  'utf-16',
  'latin1',
  '"utf-8"',
  'x-unknown',
  '',
  "''",
  '__proto__',
];
const BOUNDARIES = [
  '',
  '""',
  '"a-boundary"',
  'another',
  'a'.repeat(200),
  "a'()+_,-./:=?",
  '"a\\"b"',
  '\u00e9',
  'a; b=c',
];
const CONDITIONS = [
  ...['bytes=0-3', 'bytes=9-1', 'bytes=99999999-', 'bytes=0-0,5-9', 'lines=1'].map((range) => [
    'Range',
    range,
  ]),
  ...['*', '"x"', ''].map((tag) => ['If-None-Match', tag]),
  ['If-Match', '"x"'],
  ['If-Modified-Since', 'Fri, 01 Jan 2100 00:00:00 GMT'],
  ['If-Unmodified-Since', 'Fri, 01 Jan 1971 00:00:00 GMT'],
];
/** Lines that are no header, or one that says more than it seems to. */
const RAW_LINES = [
  ...[
    'X: a\0b',
    'X Y: z',
    ': nameless',
    'nameless',
    'X: a\r\n folded',
    'X: a\rb',
    'X : y',
    '\u00e9: y',
    ' X: y',
  ],
  ...['X: \x7f', 'Transfer-Encoding : chunked', 'Content-Length\t: 3', 'Content-Length: 3\nX: y'],
];

/**
 * Each changes a request. After one that is `loose`, the server need not take it for a complete request that others may
 * follow. One of the `line` may lead to another address.
 */
const MUTATIONS = [
  { name: 'method', apply: set('method', METHODS), loose: true, line: true },
  { name: 'version', apply: set('version', VERSIONS), loose: true, weight: 0.4 },
  { name: 'target', apply: mutateTarget, line: true, weight: 4 },
  { name: 'long target', apply: longTarget, loose: true, weight: 0.4 },
  { name: 'line end', apply: set('lineEnd', ['\n', '\r', '\r\n\r\n']), loose: true, weight: 0.4 },
  { name: 'raw header', apply: add(undefined, RAW_LINES), loose: true, weight: 0.7 },
  { name: 'bits', apply: set('flipHead', [true]), loose: true, line: true },
  { name: 'long header', apply: longHeader, loose: true, weight: 0.4 },
  { name: 'many headers', apply: manyHeaders, loose: true, weight: 0.4 },
  { name: 'host', apply: set('host', HOSTS), loose: true, weight: 0.3 },
  { name: 'twice', apply: twice, loose: true, weight: 0.5 },
  { name: 'length', apply: add('Content-Length', LENGTHS), loose: true },
  { name: 'other length', apply: otherLength, loose: true, weight: 2 },
  { name: 'transfer encoding', apply: add('Transfer-Encoding', ENCODINGS), loose: true },
  { name: 'chunks', apply: set('chunks', ['good']), weight: 2 },
  { name: 'bad chunks', apply: set('chunks', ['bad']), loose: true, weight: 2 },
  { name: 'expect', apply: add('Expect', EXPECTATIONS), loose: true },
  { name: 'upgrade', apply: upgrade, loose: true, weight: 0.3 },
  { name: 'close', apply: add('Connection', ['close']), loose: true, weight: 0.5 },
  { name: 'compressed', apply: compress, weight: 3 },
  { name: 'content type', apply: contentType, weight: 2 },
  { name: 'accept', apply: add('Accept', ACCEPTED), weight: 0.7 },
  { name: 'request id', apply: set('id', IDS), weight: 0.5 },
  { name: 'conditional', apply: conditional, weight: 0.5 },
  { name: 'forwarded', apply: add('X-Forwarded-For', ['', '::1', ','.repeat(3000)]), weight: 0.2 },
];

/** Mutates the head of a request, and its body where the head says what it is. @returns the name of the mutation */
export function mutateHead(random, request) {
  const fitting = MUTATIONS.filter(({ line = false }) => !(line && request.pathStays));
  const { name, apply, loose = false } = random.weighted(fitting);
  apply(random, request);
  request.loose ||= loose;
  return `head ${name}`;
}

function set(field, values) {
  return (random, request) => {
    request[field] = random.pick(values);
  };
}

/** @param name undefined for a line that is written as it is */
function add(name, values) {
  return (random, request) => {
    request.headers.push([name, random.pick(values)]);
  };
}

function longTarget(random, request) {
  request.target += `?${'a'.repeat(random.from(1, 40_000))}`;
}

function longHeader(random, request) {
  request.headers.push(['X-Long', 'a'.repeat(random.from(1000, 40_000))]);
}

function manyHeaders(random, request) {
  for (let left = random.from(50, 3000); left > 0; left--) request.headers.push([`X-${left}`, 'y']);
}

function twice(random, request) {
  const headers = [...request.headers, ['Content-Length', `${request.body.length}`], ['Host', 'b']];
  request.headers.push(random.pick(headers));
}

function otherLength(random, request) {
  const { length } = request.body;
  const other = [length - 1, length + 1, length + 100, Math.floor(length / 2), 0, 2_000_001, 3e9];
  request.length = `${Math.max(0, random.pick(other))}`;
}

function upgrade(random, request) {
  request.headers.push(['Connection', 'Upgrade'], ['Upgrade', random.pick(['h2c', 'websocket'])]);
}

function contentType(random, request) {
  const given = request.headers.find(([name]) => name === 'Content-Type')?.[1] ?? 'image/png';
  const value = random.pick([
    `${given}; charset=${random.pick(CHARSETS)}`,
    `multipart/form-data; boundary=${random.pick(BOUNDARIES)}`,
    random.pick(TYPES),
  ]);
  const others = request.headers.filter(([name]) => name !== 'Content-Type');
  request.headers = [...others, ['Content-Type', value]];
}

function conditional(random, request) {
  request.headers.push(random.pick(CONDITIONS));
}
