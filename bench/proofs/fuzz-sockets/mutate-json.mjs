import { JSON_LENGTH } from './good-requests.mjs';

const nested = (open, close, depth) => open.repeat(depth) + close.repeat(depth);
const numbered = Array.from({ length: 500 }, (_, i) => `"k${i}":${i}`);

/** What stands in for a token: most of it is JSON as well, and some is not. */
const TOKENS = [
  ...'null true false 0 -0 -1 1 1.5 1e999 -1e999 1e-999 01 .5 5. 1e +1 NaN Infinity -Infinity 0x10 1_000'.split(
    ' ',
  ),
  ...'255 256 -129 32768 65536 2147483648 -2147483649 4294967296 9007199254740993 3.5e38 1e-46'.split(
    ' ',
  ),
  ...'9223372036854775808 -9223372036854775809 18446744073709551616'.split(' '),
  ...'"" "x" "b64" "__proto__" "constructor" "toString" "hasOwnProperty" "serving_default" "text" "scalar"'.split(
    ' ',
  ),
  ...'"\\ud800" "\\udc00\\ud800" "\\u0000" "\\x" "\\u12" "a\tb" "x \'x\''.split(' '),
  ...'[] {} [[]] [[],[1]] [1,[2]] [null] {"b64":""} {"b64":"!!"} {"b64":1} {"b64":"AA=A"} {"b64":null}'.split(
    ' ',
  ),
  ...'{"__proto__":{"x":1}} {"":0} {"x":1,"x":2} /**/ // , : ,, } ] { ['.split(' '),
  ...['9'.repeat(400), `0.${'9'.repeat(2000)}`, `1e${'9'.repeat(30)}`, `"${'x'.repeat(20_000)}"`],
  ...[
    nested('[', ']', 63),
    nested('[', ']', 65),
    nested('[', ']', 20_000),
    nested('{"a":', '}', 100),
  ],
  ...[`[${'0,'.repeat(5000)}0]`, `{${numbered.join(',')}}`],
];
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[a-zA-Z]+|[[\]{},:]/g;
const SHAPES = [
  ...'[] [0] [0,0] [1] [2] [3,1] [1,3] [0,2] [1,1,1] [-1] [1.5] [1e3] ["1"] [null] {} null'.split(
    ' ',
  ),
  ...'[1000000000] [4294967296,4294967296] [65536,65536] [9007199254740991,9007199254740991]'.split(
    ' ',
  ),
  ...[
    '[0,9007199254740991]',
    '[9007199254740993]',
    `[${'1,'.repeat(31)}1]`,
    `[${'1,'.repeat(40)}1]`,
  ],
];
const DATATYPES =
  'BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP32 FP64 BF16 BYTES FP8'.split(' ');
const SIZES = [0, 1, 3, 4, 7, 8, 11, 13, 16, 2 ** 31, 2 ** 53, -4, 1.5];
const OFFSETS = [-8, -4, -2, -1, 1, 2, 4, 8];

export function exchangeTokens(random, request) {
  rewrite(request, (text) => {
    let mutated = text;
    for (let left = random.pick([1, 1, 1, 2, 3]); left > 0; left--) {
      mutated = exchange(random, mutated, TOKEN, TOKENS);
    }
    return mutated;
  });
}

export function swapTokens(random, request) {
  rewrite(request, (text) => {
    const tokens = text.match(TOKEN) ?? [];
    const [first, second] = [random.below(tokens.length), random.below(tokens.length)];
    if (tokens.length > 0) [tokens[first], tokens[second]] = [tokens[second], tokens[first]];
    return tokens.join('');
  });
}

export function shape(random, request) {
  const values = SHAPES.map((value) => `"shape":${value}`);
  rewrite(request, (text) => exchange(random, text, /"shape":\[[^\]]*\]/g, values));
}

export function datatype(random, request) {
  const values = DATATYPES.map((value) => `"datatype":"${value}"`);
  rewrite(request, (text) => exchange(random, text, /"datatype":"\w+"/g, values));
}

export function binarySize(random, request) {
  const values = SIZES.map((value) => `"binary_data_size":${value}`);
  rewrite(request, (text) => exchange(random, text, /"binary_data_size":\d+/g, values));
}

/** Bytes more or less behind the JSON, or a length of the JSON that is off by some. */
export function tensorBytes(random, request) {
  const by = random.pick(OFFSETS);
  if (random.chance(0.5)) {
    const size = Math.max(0, request.body.length + by);
    request.body = Buffer.concat([request.body, random.bytes(8)]).subarray(0, size);
  } else {
    const others = ['0', '-1', '1e2', '', '9'.repeat(20), '0x10'];
    setJsonLength(
      request,
      random.chance(0.7) ? `${jsonLength(request) + by}` : random.pick(others),
    );
  }
}

/** Length of the JSON, which is all of the body where no header says otherwise. */
function jsonLength({ headers, body }) {
  return Number(headers.find(([name]) => name === JSON_LENGTH)?.[1] ?? body.length);
}

function setJsonLength(request, value) {
  request.headers = request.headers.map(([name, old]) => [
    name,
    name === JSON_LENGTH ? value : old,
  ]);
}

/** Changes the JSON of a body; what follows it stays, and the header fits again. */
function rewrite(request, change) {
  const length = jsonLength(request);
  const text = Buffer.from(change(request.body.toString('latin1', 0, length)), 'latin1');
  setJsonLength(request, `${text.length}`);
  request.body = Buffer.concat([text, request.body.subarray(length)]);
}

function exchange(random, text, pattern, replacements) {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return text;
  const { index, 0: old } = random.pick(found);
  return text.slice(0, index) + random.pick(replacements) + text.slice(index + old.length);
}
