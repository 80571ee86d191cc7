import { readFileSync } from 'node:fs';
import path from 'node:path';

import sharp from 'sharp';

import { ROOT } from '../support/start-server.mjs';

export const MODELS = {
  half_plus_two: {
    from: 'test/fixtures/models/half_plus_two',
    config: { versionLabels: { stable: 1 } },
  },
  every_type: { from: 'test/fixtures/models/every_type' },
  two_signatures: { from: 'test/fixtures/models/two_signatures' },
  examples: { from: 'test/fixtures/models/examples' },
  classifier: { from: 'saved_models/efficientnet-lite0' },
  // Loaded and unloaded all the time; the others stay.
  visitor: { from: 'test/fixtures/models/half_plus_three' },
};

export const COFFEE = readFileSync(path.join(ROOT, 'test/fixtures/photos/coffee.jpg'));

/** Name of the header in front of binary tensors. */
export const JSON_LENGTH = 'Inference-Header-Content-Length';
const BOUNDARY = 'a-boundary';

/**
 * A request of every kind that is answered with `status`, which is absent where it depends on what others do.
 * `format` says how its body can be mutated: json, form, image or binary.
 */
export async function goodRequests() {
  const small = sharp(COFFEE).resize(64, 48);
  const pictures = {
    jpeg: await small.clone().jpeg().toBuffer(),
    png: await small.clone().png().toBuffer(),
    webp: await small.clone().webp().toBuffer(),
    gif: await small.clone().gif().toBuffer(),
    tiff: await small.clone().tiff().toBuffer(),
    avif: await small.clone().avif({ effort: 0 }).toBuffer(),
  };
  return [...imageRequests(pictures), ...v1Requests(pictures), ...v2Requests(pictures), ...pages()];
}

function* imageRequests(pictures) {
  const classify = '/models/classifier/classify';
  for (const [type, bytes] of Object.entries(pictures)) {
    yield post(`image: ${type}`, classify, bytes, 'image', [['Content-Type', `image/${type}`]]);
  }
  const octets = [['Content-Type', 'application/octet-stream']];
  yield post('image: octets', `${classify}?top=3`, pictures.png, 'image', octets);
  const { jpeg, png, webp } = pictures;
  yield post('image: form', classify, form([jpeg]), 'form', formType());
  yield post('image: form of three', classify, form([jpeg, png, webp], 'note'), 'form', formType());
  const b64 = (bytes) => ({ b64: bytes.toString('base64') });
  const dataUrl = { b64: `data:image/png;base64,${png.toString('base64')}` };
  const versioned = '/models/classifier/versions/1/classify';
  yield json('image: JSON', versioned, { image: b64(jpeg) });
  yield json('image: JSON of two', classify, { images: [b64(jpeg), dataUrl] });
  const type = [['Content-Type', 'image/jpeg']];
  const generate = '/models/classifier/generate?format=webp&quality=80';
  yield { ...post('image: generate', generate, jpeg, 'image', type), status: 409 };
}

function* v1Requests({ jpeg }) {
  const model = (name, rest) => `/v1/models/${name}${rest}`;
  const predict = (name, body) => json(`v1: predict ${name}`, model(name, ':predict'), body);
  yield predict('half_plus_two', { instances: [1, 2, 5] });
  yield predict('half_plus_two', { inputs: { x: [1.5, -2] } });
  yield json('v1: label', model('half_plus_two', '/labels/stable:predict'), {
    instances: [{ x: 2 }],
  });
  const row = { a: [1, 2, 3], b: [10, 20, 30] };
  yield predict('two_signatures', { signature_name: 'sum', instances: [row, row] });
  const types = {
    float32_in: [0.1, -2.5],
    int32_in: [-(2 ** 31), 7],
    int64_in: [1, -5],
    uint8_in: [0, 255],
    bool_in: [true, false],
    string_in: ['plain', { b64: 'w6k=' }],
  };
  yield predict('every_type', { instances: [types, types] });
  yield predict('every_type', { signature_name: 'scalar', inputs: 3 });
  yield predict('every_type', { signature_name: 'text', instances: [{ b64: '/wCA' }] });
  yield predict('every_type', {
    signature_name: 'matrix',
    inputs: [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ],
  });
  yield predict('classifier', { instances: [{ b64: jpeg.toString('base64') }] });
  yield { ...predict('visitor', { instances: [1] }), status: undefined };
  const examples = [{ x: 1.5 }, { x: [2.5] }];
  yield json('v1: classify', model('examples', ':classify'), {
    signature_name: 'classify',
    examples,
  });
  yield json('v1: regress', model('examples', ':regress'), {
    context: { x: 4.5 },
    examples: [{}, { x: 6.5 }],
  });
  for (const rest of ['', '/metadata', '/versions/1', '/labels/stable/metadata']) {
    yield get(model('half_plus_two', rest));
  }
}

function* v2Requests({ jpeg, png }) {
  const infer = (name) => `/v2/models/${name}/infer`;
  const tensor = (name, datatype, shape, data) => ({ name, datatype, shape, data });
  const x = tensor('x', 'FP32', [3], [1, 2.5, -4]);
  yield json('v2: infer', infer('half_plus_two'), {
    id: 'mine',
    inputs: [x],
    outputs: [{ name: 'y' }],
  });
  const parameters = { timeout: 20_000_000, priority: 1, binary_data_output: true };
  yield json('v2: parameters', infer('half_plus_two/versions/1'), { parameters, inputs: [x] });
  const sum = ['a', 'b'].map((name) => tensor(name, 'INT8', [1, 3], [[1, 2, 3]]));
  yield json('v2: sum', infer('two_signatures'), {
    parameters: { signature_name: 'sum' },
    inputs: sum,
  });
  yield json('v2: every type', infer('every_type'), {
    inputs: [
      tensor('bool_in', 'BOOL', [1, 2], [true, false]),
      tensor('float32_in', 'FP32', [1, 2], [0.1, -3]),
      tensor('int32_in', 'INT32', [1, 2], [7, -7]),
      tensor('int64_in', 'INT64', [1, 2], [1, -1]),
      tensor('string_in', 'BYTES', [1, 2], ['déjà', '']),
      tensor('uint8_in', 'UINT8', [1, 2], [0, 255]),
    ],
  });
  const image = tensor('images', 'BYTES', [1, 1], [png.toString('base64')]);
  const outputs = [{ name: 'logits', parameters: { classification: 3 } }];
  yield json('v2: classification', infer('classifier'), { inputs: [image], outputs });
  const numbers = Buffer.from(Float32Array.of(1, 2, 5).buffer);
  const binary = (name, model, head, tensors) => {
    const { body, length } = binaryBody(head, tensors);
    return post(`v2 binary: ${name}`, infer(model), body, 'binary', [[JSON_LENGTH, `${length}`]]);
  };
  yield binary('FP32', 'half_plus_two', { parameters: { binary_data_output: true } }, [
    { name: 'x', datatype: 'FP32', shape: [3], bytes: numbers },
  ]);
  yield binary('FP16', 'half_plus_two', {}, [
    { name: 'x', datatype: 'FP16', shape: [2], bytes: Buffer.from([0, 0x3c, 0, 0x40]) },
  ]);
  const two = (name, datatype, bytes) => ({
    name,
    datatype,
    shape: [1, 2],
    bytes: Buffer.alloc(bytes),
  });
  yield binary('every type', 'every_type', { parameters: { binary_data_output: true } }, [
    two('bool_in', 'BOOL', 2),
    two('float32_in', 'FP32', 8),
    two('int32_in', 'INT32', 8),
    two('int64_in', 'INT64', 16),
    { ...two('string_in', 'BYTES', 0), bytes: Buffer.from([2, 0, 0, 0, 0xff, 0xfe, 0, 0, 0, 0]) },
    two('uint8_in', 'UINT8', 2),
  ]);
  const raw = [[JSON_LENGTH, '0']];
  yield post('v2 raw: number', infer('half_plus_two'), numbers.subarray(0, 4), 'image', raw);
  yield post('v2 raw: picture', infer('classifier'), jpeg, 'image', raw);
  for (const rest of ['', '/ready', '/config', '/stats', '/versions/1', '/versions/1/ready']) {
    yield get(`/v2/models/every_type${rest}`);
  }
  yield json('v2: index', '/v2/repository/index', { ready: true });
  for (const act of ['load', 'unload']) {
    const body = { parameters: { unload_dependents: false } };
    const request = json(`v2: ${act}`, `/v2/repository/models/visitor/${act}`, body);
    yield { ...request, status: undefined, weight: 0.4, pathStays: true };
  }
  yield { ...get('/v2/models/visitor/ready'), status: undefined };
}

function* pages() {
  const addresses = [
    '/models',
    '/models/classifier',
    '/metrics',
    '/openapi.json',
    '/docs',
    '/docs/start.js',
  ];
  for (const target of [...addresses, '/v2', '/v2/health/live', '/v2/models/stats'])
    yield get(target);
  yield { ...get('/v2/health/ready'), status: undefined };
  yield { ...get('/docs'), method: 'HEAD' };
  yield { ...get('/v1/models'), status: 400 };
  yield { ...get('/nothing'), status: 404 };
}

function post(name, target, body, format, headers) {
  return { name, method: 'POST', target, headers, body, format, status: 200, weight: 1 };
}

function json(name, target, value) {
  const body = Buffer.from(JSON.stringify(value));
  return post(name, target, body, 'json', [['Content-Type', 'application/json']]);
}

function get(target) {
  const name = `GET ${target}`;
  return {
    name,
    method: 'GET',
    target,
    headers: [],
    body: Buffer.alloc(0),
    status: 200,
    weight: 0.5,
  };
}

function formType() {
  return [['Content-Type', `multipart/form-data; boundary=${BOUNDARY}`]];
}

function form(files, note) {
  const part = (disposition, content) => [
    `--${BOUNDARY}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`,
    content,
    '\r\n',
  ];
  const parts = [
    ...(note === undefined ? [] : part('name="note"', note)),
    ...files.flatMap((file, index) => part(`name="image"; filename="${index}.jpg"`, file)),
    `--${BOUNDARY}--\r\n`,
  ];
  return Buffer.concat(parts.map((piece) => Buffer.from(piece)));
}

function binaryBody(head, tensors) {
  const inputs = tensors.map(({ bytes, ...rest }) => ({
    ...rest,
    parameters: { binary_data_size: bytes.length },
  }));
  const text = Buffer.from(JSON.stringify({ ...head, inputs }));
  return { body: Buffer.concat([text, ...tensors.map(({ bytes }) => bytes)]), length: text.length };
}
