import assert from 'node:assert/strict';

import { jsonRequest, parseJson, splitBinary } from './requests.mjs';

const TYPES = ['bool', 'float32', 'int32', 'int64', 'string', 'uint8'];
const DATATYPES = {
  bool: 'BOOL',
  float32: 'FP32',
  int32: 'INT32',
  int64: 'INT64',
  string: 'BYTES',
  uint8: 'UINT8',
};
const TEXTS = ['', 'plain', 'déjà vu', '日本', '😀', 'a"b\\c\n', '\u2028', 'x'.repeat(300)];

const half = (x) => 0.5 * x + 2;
/** Quarters: exact as float32, as decimal text and after half_plus_two. */
const quarter = (random) => random.from(-4000, 4000) / 4;
const list = (length, make) => Array.from({ length }, make);

/** Requests of numbers and texts, whose answers are worked out here. */
export function tensorKinds() {
  return [
    { name: 'v1 rows', weight: 8, make: v1Rows },
    { name: 'v1 columns', weight: 5, make: v1Columns },
    { name: 'v1 several inputs', weight: 6, make: v1SeveralInputs },
    { name: 'v1 texts', weight: 4, make: v1Texts },
    { name: 'v1 every type', weight: 4, make: v1EveryType },
    { name: 'v1 matrix', weight: 2, make: v1Matrix },
    { name: 'v1 large matrix', weight: 0.3, make: v1LargeMatrix },
    { name: 'v1 classify', weight: 4, make: v1Classify },
    { name: 'v1 regress', weight: 4, make: v1Regress },
    { name: 'v2 JSON', weight: 8, make: v2Json },
    { name: 'v2 other number types', weight: 3, make: v2OtherTypes },
    { name: 'v2 several inputs', weight: 5, make: v2SeveralInputs },
    { name: 'v2 every type', weight: 4, make: v2EveryType },
    { name: 'v2 binary', weight: 8, make: v2Binary },
    { name: 'v2 binary texts', weight: 3, make: v2BinaryTexts },
    { name: 'v2 raw binary', weight: 3, make: v2Raw },
  ];
}

function v1Rows(random) {
  const rows = list(random.from(1, 9), () => quarter(random));
  const instances = random.chance(0.5) ? rows : rows.map((x) => ({ x }));
  return expectJson(predict('half_plus_two', { instances }), { predictions: rows.map(half) });
}

function v1Columns(random) {
  const x = list(random.from(1, 9), () => quarter(random));
  const request = predict('half_plus_two', { inputs: random.chance(0.5) ? x : { x } });
  return expectJson(request, { outputs: x.map(half) });
}

/** Rows of three of `a` and `b`, and their sums. */
function sums(random) {
  const three = () => list(3, () => quarter(random));
  const rows = list(random.from(1, 5), () => ({ a: three(), b: three() }));
  return { rows, totals: rows.map(({ a, b }) => a.map((value, i) => value + b[i])) };
}

function v1SeveralInputs(random) {
  const { rows, totals } = sums(random);
  const request = predict('two_signatures', { signature_name: 'sum', instances: rows });
  return expectJson(request, { predictions: totals });
}

function v1Texts(random) {
  const texts = list(random.from(1, 6), () => random.pick(TEXTS));
  const b64 = (text) => ({ b64: Buffer.from(text).toString('base64') });
  const instances = texts.map((text) => (random.chance(0.5) ? text : b64(text)));
  const request = predict('every_type', { signature_name: 'text', instances });
  return expectJson(request, {
    predictions: texts.map((text) => ({ text, text_bytes: b64(text) })),
  });
}

/** Two values of every type. */
function values(random) {
  return {
    bool: list(2, () => random.chance(0.5)),
    float32: list(2, () => quarter(random)),
    int32: list(2, () => random.from(-(2 ** 31), 2 ** 31 - 1)),
    int64: list(2, () => random.from(-(2 ** 40), 2 ** 40)),
    string: list(2, () => random.pick(TEXTS)),
    uint8: list(2, () => random.below(256)),
  };
}

function named(given, suffix) {
  return Object.fromEntries(TYPES.map((type) => [`${type}_${suffix}`, given[type]]));
}

function v1EveryType(random) {
  const rows = list(random.from(1, 3), () => values(random));
  const instances = rows.map((row) => named(row, 'in'));
  const predictions = rows.map((row) => named(row, 'out'));
  return expectJson(predict('every_type', { instances }), { predictions });
}

function v1Matrix(random) {
  return matrix(random, random.from(1, 20), random.from(1, 400));
}

/** Its answer is over a megabyte, and so sent as it is made. */
function v1LargeMatrix(random) {
  return matrix(random, 200, 800);
}

function matrix(random, rows, columns) {
  const instances = list(rows, () => list(columns, () => quarter(random)));
  const request = predict('every_type', { signature_name: 'matrix', instances });
  return expectJson(request, { predictions: instances });
}

function examplesRequest(random, method, answer) {
  const xs = list(random.from(1, 6), () => random.from(-400, 400) + 0.5);
  const body = { signature_name: method, examples: xs.map((x) => ({ x })) };
  return expectJson(jsonRequest(`/v1/models/examples:${method}`, body), {
    results: xs.map(answer),
  });
}

function v1Classify(random) {
  const answer = (x) => [
    ['low', 1 - x / 2],
    ['high', 2 + x / 2],
  ];
  return examplesRequest(random, 'classify', answer);
}

function v1Regress(random) {
  return examplesRequest(random, 'regress', half);
}

function v2Json(random) {
  const data = list(random.from(1, 40), () => quarter(random));
  const id = `soak-${random.below(1e9)}`;
  const request = infer('half_plus_two', {
    id,
    inputs: [tensor('x', 'FP32', [data.length], data)],
  });
  return expectOutputs(request, { y: data.map(half) }, id);
}

function v2OtherTypes(random) {
  const datatype = random.pick(['INT8', 'INT16', 'UINT16', 'INT64', 'FP64']);
  const data = list(random.from(1, 9), () => random.below(100));
  const request = infer('half_plus_two', { inputs: [tensor('x', datatype, [data.length], data)] });
  return expectOutputs(request, { y: data.map(half) });
}

function v2SeveralInputs(random) {
  const { rows, totals } = sums(random);
  const inputs = ['b', 'a'].map((name) => {
    const nested = rows.map((row) => row[name]);
    return tensor(name, 'FP32', [rows.length, 3], random.chance(0.5) ? nested : nested.flat());
  });
  const request = infer('two_signatures', { parameters: { signature_name: 'sum' }, inputs });
  return expectOutputs(request, { total: totals.flat() });
}

function v2EveryType(random) {
  const given = values(random);
  const inputs = TYPES.map((type) => tensor(`${type}_in`, DATATYPES[type], [1, 2], given[type]));
  return expectOutputs(infer('every_type', { inputs }), named(given, 'out'));
}

function v2Binary(random) {
  const numbers = Float32Array.from(list(random.from(1, 5000), () => random.next() * 1000));
  const bytes = Buffer.from(numbers.buffer);
  const parameters = { signature_name: 'matrix', binary_data_output: true };
  const input = { name: 'x', datatype: 'FP32', shape: [1, numbers.length] };
  return expectBytes(binaryInfer('every_type', parameters, input, bytes), 'y', bytes);
}

function v2BinaryTexts(random) {
  const texts = list(random.from(1, 9), () => Buffer.from(random.pick(TEXTS)));
  const bytes = Buffer.concat(texts.flatMap((text) => [uint32(text.length), text]));
  const parameters = { signature_name: 'string', binary_data_output: true };
  const input = { name: 'x', datatype: 'BYTES', shape: [texts.length] };
  return expectBytes(binaryInfer('every_type', parameters, input, bytes), 'y', bytes);
}

function v2Raw(random) {
  const x = quarter(random);
  const headers = { 'Inference-Header-Content-Length': '0' };
  const path = '/v2/models/half_plus_two/infer';
  const request = { path, headers, body: Buffer.from(Float32Array.of(x).buffer) };
  return expectBytes(request, 'y', Buffer.from(Float32Array.of(half(x)).buffer));
}

function predict(model, body) {
  return jsonRequest(`/v1/models/${model}:predict`, body);
}

function infer(model, body) {
  return jsonRequest(`/v2/models/${model}/infer`, body);
}

function tensor(name, datatype, shape, data) {
  return { name, datatype, shape, data };
}

function binaryInfer(model, parameters, input, bytes) {
  const inputs = [{ ...input, parameters: { binary_data_size: bytes.length } }];
  const head = Buffer.from(JSON.stringify({ parameters, inputs }));
  const headers = { 'Inference-Header-Content-Length': String(head.length) };
  return { path: `/v2/models/${model}/infer`, headers, body: Buffer.concat([head, bytes]) };
}

function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function expectJson(request, expected) {
  return { ...request, check: (answer) => assert.deepEqual(parseJson(answer), expected) };
}

function expectOutputs(request, expected, id) {
  const check = (answer) => {
    const { outputs, id: answered } = parseJson(answer);
    const found = Object.fromEntries(outputs.map(({ name, data }) => [name, data]));
    assert.deepEqual({ id: answered, ...found }, { id, ...expected });
  };
  return { ...request, check };
}

function expectBytes(request, name, expected) {
  return { ...request, check: (answer) => assert.deepEqual(splitBinary(answer)[name], expected) };
}
