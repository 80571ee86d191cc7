import { mutateForm } from './mutate-form.mjs';
import {
  binarySize,
  datatype,
  exchangeTokens,
  shape,
  swapTokens,
  tensorBytes,
} from './mutate-json.mjs';

const MARKS = [
  [0xef, 0xbb, 0xbf],
  [0xff, 0xfe],
  [0xfe, 0xff],
];
const LONE_SURROGATE = [0xed, 0xa0, 0x80];
const LARGE = [600_000, 1_100_000, 1_999_990, 2_000_001, 3_000_000];

/** Each changes the body of a request; those of a `format` know what is in it. */
const MUTATIONS = [
  { name: 'bits', apply: flipBits, weight: 2 },
  { name: 'cut', apply: cut },
  { name: 'insertion', apply: insert },
  { name: 'repetition', apply: repeat },
  { name: 'zeros', apply: zeros },
  { name: 'empty', apply: empty, weight: 0.2 },
  { name: 'large', apply: large, weight: 0.15 },
  { name: 'byte-order mark', apply: byteOrderMark, weight: 0.3 },
  { name: 'tokens', apply: exchangeTokens, format: 'json', weight: 10 },
  { name: 'token order', apply: swapTokens, format: 'json', weight: 2 },
  { name: 'utf-16', apply: utf16, format: 'json', weight: 0.3 },
  { name: 'shape', apply: shape, format: 'tensor', weight: 4 },
  { name: 'datatype', apply: datatype, format: 'tensor', weight: 4 },
  { name: 'binary size', apply: binarySize, format: 'binary', weight: 5 },
  { name: 'tokens', apply: exchangeTokens, format: 'binary', weight: 4 },
  { name: 'tensor bytes', apply: tensorBytes, format: 'binary', weight: 3 },
  { name: 'form', apply: mutateForm, format: 'form', weight: 8 },
  { name: 'first bytes', apply: firstBytes, format: 'image', weight: 4 },
];

/** Mutates the body of a request. @returns the name of the mutation */
export function mutateBody(random, request) {
  const formats = [request.format, request.body.includes('"shape"') ? 'tensor' : undefined];
  const fitting = MUTATIONS.filter(
    ({ format }) => format === undefined || formats.includes(format),
  );
  const { name, apply } = random.weighted(fitting);
  apply(random, request);
  return `body ${name}`;
}

function flipBits(random, request) {
  const body = Buffer.from(request.body);
  for (let left = random.from(1, 6); left > 0 && body.length > 0; left--) {
    body[random.below(body.length)] ^= 1 << random.below(8);
  }
  request.body = body;
}

function cut(random, request) {
  const at = random.below(request.body.length + 1);
  request.body = random.chance(0.7) ? request.body.subarray(0, at) : request.body.subarray(at);
}

function insert(random, request) {
  const bytes = random.bytes(random.from(1, 40));
  splice(random, request, random.pick([bytes, Buffer.from(LONE_SURROGATE), Buffer.from('\r\n')]));
}

function repeat(random, request) {
  const from = random.below(request.body.length + 1);
  splice(random, request, request.body.subarray(from, from + random.below(4000)));
}

function splice(random, request, what) {
  const at = random.below(request.body.length + 1);
  request.body = Buffer.concat([request.body.subarray(0, at), what, request.body.subarray(at)]);
}

function zeros(random, request) {
  const body = Buffer.from(request.body);
  const from = random.below(body.length + 1);
  const to = Math.min(body.length, from + random.below(200));
  request.body = body.fill(random.pick([0, 0xff]), from, to);
}

function empty(_random, request) {
  request.body = Buffer.alloc(0);
}

function large(random, request) {
  const missing = Math.max(0, random.pick(LARGE) - request.body.length);
  splice(random, request, Buffer.alloc(missing, random.pick([' ', '[', '0', 'a'])));
}

function byteOrderMark(random, request) {
  request.body = Buffer.concat([Buffer.from(random.pick(MARKS)), request.body]);
}

function utf16(_random, request) {
  request.body = Buffer.from(request.body.toString(), 'utf16le');
}

/** Where formats keep their sizes. */
function firstBytes(random, request) {
  const body = Buffer.from(request.body);
  for (let left = random.from(1, 8); left > 0 && body.length > 0; left--) {
    const value = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
    body[random.below(Math.min(body.length, 64))] = value;
  }
  request.body = body;
}
