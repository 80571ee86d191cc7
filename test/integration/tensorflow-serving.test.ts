import { readFile } from 'node:fs/promises';

import type { Service } from '../../src/compose';
import {
  makeRepository,
  photo,
  removeFolder,
  SHIPPED,
  startTestService,
  toy,
} from '../support/service';

let service: Service;
let repository: string;

beforeAll(async () => {
  repository = await makeRepository({
    half: {
      ...toy('half_plus_two', {
        versionPolicy: 'all',
        versionLabels: { stable: 1, gone: 9 },
        batching: { maxBatchSize: 4 },
      }),
      versions: [1, 2],
    },
    sums: toy('two_signatures'),
    types: toy('every_type'),
    examples: toy('examples'),
    positive: toy('assert_positive'),
    photos: { from: `${SHIPPED}/efficientnet-lite0/1`, config: await shippedConfig() },
  });
  service = await startTestService({ modelRepository: repository });
});
afterAll(async () => {
  await service.stop();
  await removeFolder(repository);
});

async function shippedConfig(): Promise<object> {
  const text = await readFile(`${SHIPPED}/efficientnet-lite0/model.json`, 'utf8');
  const { output, ...config } = JSON.parse(text) as { output: { labels: string } };
  return { ...config, output: { ...output, labels: undefined } };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function post(
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${service.url}/v1/models/${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers,
  });
  return { status: response.status, text: await response.text() };
}

async function ok(path: string, body: unknown): Promise<unknown> {
  const { status, text } = await post(path, body);
  if (status !== 200) throw new Error(`${status}: ${text}`);
  return JSON.parse(text);
}

async function failure(path: string, body: unknown): Promise<{ status: number; error: string }> {
  const { status, text } = await post(path, body);
  return { status, error: (JSON.parse(text) as { error: string }).error };
}

async function get(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${service.url}/v1/models${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('predict', () => {
  test('rows of one input, without its name', async () => {
    expect(await ok('half:predict', { instances: [1, 2, 5] })).toEqual({
      predictions: [2.5, 3, 4.5],
    });
  });

  test('rows by name, and a whole number stays readable as a float', async () => {
    const { text } = await post('half:predict', { instances: [{ x: 2 }, { x: 4 }] });

    expect(text).toBe('{"predictions": [3.0,4.0]}');
  });

  test('columns, with and without the name', async () => {
    expect(await ok('half:predict', { inputs: [1, 2] })).toEqual({ outputs: [2.5, 3] });
    expect(await ok('half:predict', { inputs: { x: [1, 2] } })).toEqual({ outputs: [2.5, 3] });
  });

  test('another signature, rows of several inputs', async () => {
    const body = {
      signature_name: 'sum',
      instances: [
        { a: [1, 2, 3], b: [10, 20, 30] },
        { a: [4, 5, 6], b: [40, 50, 60] },
      ],
    };

    expect(await ok('sums:predict', body)).toEqual({
      predictions: [
        [11, 22, 33],
        [44, 55, 66],
      ],
    });
  });

  test('more rows than a batch may have are run in parts and come back in order', async () => {
    const instances = Array.from({ length: 11 }, (_, index) => index);

    expect(await ok('half:predict', { instances })).toEqual({
      predictions: instances.map((x) => 0.5 * x + 2),
    });
  });

  test('every type there and back', async () => {
    const row = {
      float32_in: [0.1, -2.5],
      int32_in: [-(2 ** 31), 7],
      int64_in: [1, -5],
      uint8_in: [0, 255],
      bool_in: [true, false],
      string_in: ['plain', { b64: Buffer.from('é').toString('base64') }],
    };

    const { predictions } = (await ok('types:predict', { instances: [row] })) as {
      predictions: Record<string, unknown>[];
    };

    expect(predictions).toEqual([
      {
        float32_out: [0.1, -2.5],
        int32_out: [-(2 ** 31), 7],
        int64_out: [1, -5],
        uint8_out: [0, 255],
        bool_out: [true, false],
        string_out: ['plain', 'é'],
      },
    ]);
  });

  test.each([
    ['float64', '[0.1,1e300,-2.0]'],
    ['float16', '[0.5,-2.0,65504.0]'],
    ['bfloat16', '[0.5,-2.0,256.0]'],
    ['int8', '[-128,127]'],
    ['int16', '[-32768,32767]'],
    ['uint16', '[0,65535]'],
    ['uint32', '[0,4294967295]'],
    ['uint64', '[0,18446744073709551615]'],
  ])('%s there and back, to the last digit', async (signature_name, values) => {
    const body = `{"signature_name":"${signature_name}","instances":${values}}`;
    const response = await fetch(`${service.url}/v1/models/types:predict`, {
      method: 'POST',
      body,
    });

    expect((await response.text()).replaceAll(/\s/g, '').replaceAll('+', '')).toBe(
      `{"predictions":${values}}`,
    );
  });

  test('int64 beyond 2^53 stays exact', async () => {
    const { text } = await post(
      'types:predict',
      '{"signature_name": "int64", "instances": [9223372036854775807, -9223372036854775808]}',
    );

    expect(text).toBe('{"predictions": [9223372036854775807,-9223372036854775808]}');
  });

  test('NaN and Infinity are tokens in both directions', async () => {
    const { status, text } = await post(
      'half:predict',
      '{"instances": [NaN, Infinity, -Infinity]}',
    );

    expect(status).toBe(200);
    expect(text).toBe('{"predictions": [NaN,Infinity,-Infinity]}');
  });

  test('bytes come back as base64 where the name says that they are bytes', async () => {
    const b64 = Buffer.from([0, 255, 128]).toString('base64');

    const answer = await post('types:predict', { signature_name: 'text', instances: [{ b64 }] });

    expect(answer.text).toContain(`"text_bytes": {"b64":"${b64}"}`);
  });

  test('a scalar is answered by columns, and rows are refused with the way out', async () => {
    const body = { signature_name: 'scalar', inputs: 3 };

    expect(await ok('types:predict', body)).toEqual({ outputs: 3 });
  });

  test('an encoded image goes through the same pipeline as an upload', async () => {
    const jpeg = await readFile(photo('coffee.jpg'));
    const upload = await fetch(`${service.url}/models/photos/classify?top=1`, {
      method: 'POST',
      body: jpeg,
      headers: { 'Content-Type': 'image/jpeg' },
    });
    const { results } = (await upload.json()) as {
      results: { predictions: { index: number; score: number }[] }[];
    };

    const { predictions } = (await ok('photos:predict', {
      instances: [{ b64: jpeg.toString('base64') }, { b64: jpeg.toString('base64') }],
    })) as { predictions: number[][] };

    const expected = results[0]?.predictions[0];
    expect(predictions).toHaveLength(2);
    for (const logits of predictions) {
      expect(logits.indexOf(Math.max(...logits))).toBe(expected?.index);
    }
  });

  test('a million numbers keep their shape', async () => {
    const matrix = Array.from({ length: 1000 }, (_, row) =>
      Array.from({ length: 1000 }, (__, column) => row + column / 1000),
    );

    const { predictions } = (await ok('types:predict', {
      signature_name: 'matrix',
      instances: matrix,
    })) as { predictions: number[][] };

    expect(predictions).toHaveLength(1000);
    expect(predictions[999]?.[999]).toBeCloseTo(999.999, 3);
  });

  test('a compressed body is read', async () => {
    const { gzipSync } = await import('node:zlib');

    const response = await fetch(`${service.url}/v1/models/half:predict`, {
      method: 'POST',
      body: gzipSync('{"instances": [4]}'),
      headers: { 'Content-Encoding': 'gzip' },
    });

    expect(await response.json()).toEqual({ predictions: [4] });
  });
});

describe('what predict refuses', () => {
  test.each<[string, unknown, RegExp]>([
    ['nothing', '', /^JSON Parse error: The document is empty$/],
    ['broken JSON', '{"instances": [1,', /^JSON Parse error: /],
    ['a list', '[1]', /not of expected type: object/],
    ['no key', { signature_name: 'serving_default' }, /^Missing 'inputs' or 'instances' key$/],
    ['both keys', { instances: [1], inputs: [1] }, /only one of 'inputs' or 'instances'/],
    ['a text for a number', { instances: ['a'] }, /not of expected type: float/],
    ['an unknown input', { instances: [{ z: 1 }] }, /there is no input "z".*"x"/],
    ['a deeper list', { instances: [[1, 2]] }, /must have shape \[\?\] and was given \[1, 2\]/],
    ['uneven lists', { signature_name: 'serving_default', instances: [1, [2]] }, /input "x"/],
    [
      'an unknown signature',
      { signature_name: 'no', instances: [1] },
      /Serving signature name: "no" not found in signature def/,
    ],
    ['a signature name that is none', { signature_name: 1, instances: [1] }, /'signature_name'/],
    ['too deep', `{"instances": ${'['.repeat(100)}${']'.repeat(100)}}`, /nested deeper than 64/],
  ])('%s: 400 with the reason', async (_what, body, reason) => {
    const { status, error } = await failure('half:predict', body);

    expect(error).toMatch(reason);
    expect(status).toBe(400);
  });

  test.each([
    ['int8', 128, 'int8'],
    ['uint16', -1, 'uint16'],
    ['uint32', 2 ** 32, 'uint32'],
    ['float16', 1e5, 'half'],
  ])('a number that %s cannot hold: %d', async (signature_name, value, named) => {
    const { status, error } = await failure('types:predict', {
      signature_name,
      instances: [value],
    });

    expect(status).toBe(400);
    expect(error).toMatch(new RegExp(`(not of expected type:|to) ${named}\\b`));
  });

  test('an image that is none, and its neighbour is not harmed', async () => {
    const jpeg = await readFile(photo('coffee.jpg'));
    const [bad, good] = await Promise.all([
      failure('photos:predict', { instances: [{ b64: Buffer.from('no').toString('base64') }] }),
      post('photos:predict', { instances: [{ b64: jpeg.toString('base64') }] }),
    ]);

    expect(bad.status).toBe(415);
    expect(good.status).toBe(200);
  });

  test('what the model itself refuses, and the next request is answered', async () => {
    const refused = await failure('positive:predict', { instances: [[-1, 1, 1, 1]] });

    expect(refused.status).toBe(400);
    expect(refused.error).toMatch(/negative element.*\(the model refused the input\)$/);
    expect(await ok('positive:predict', { instances: [[1, 1, 1, 1]] })).toEqual({
      predictions: [[2, 2, 2, 2]],
    });
  });

  test('an unknown model and an unknown version: 404 in the original words', async () => {
    expect(await failure('nobody:predict', { instances: [1] })).toMatchObject({
      status: 404,
      error: expect.stringContaining('Servable not found for request: Latest(nobody)') as string,
    });
    expect(await failure('half/versions/7:predict', { instances: [1] })).toMatchObject({
      status: 404,
      error: expect.stringContaining('Servable not found for request: Specific(half, 7)') as string,
    });
  });

  test('another address or method under /v1: malformed', async () => {
    const response = await fetch(`${service.url}/v1/models/half:predict`);

    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: 'Malformed request: GET /v1/models/half:predict',
    });
    expect(await failure('half:explain', {})).toMatchObject({ status: 400 });
    expect(await failure('half/versions/one:predict', {})).toMatchObject({ status: 400 });
  });
});

describe('classify and regress', () => {
  test('labels and scores for each example', async () => {
    const { text, status } = await post(
      'examples:classify',
      '{"signature_name": "classify", "examples": [{"x": 1.0}, {"x": [2.5]}]}',
    );

    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({
      results: [
        [
          ['low', 0.5],
          ['high', 2.5],
        ],
        [
          ['low', -0.25],
          ['high', 3.25],
        ],
      ],
    });
  });

  test('a number for each example; the context is in each and the example wins', async () => {
    const { text } = await post(
      'examples:regress',
      '{"context": {"x": 4.0}, "examples": [{}, {"x": 6.0}]}',
    );

    expect(text).toBe('{"results": [4.0,5.0]}');
  });

  test.each<[string, string, string, RegExp]>([
    [
      'classify',
      'a signature of another method',
      '{"examples": [{"x": 1.0}]}',
      /method_name to be tensorflow\/serving\/classify. Was: tensorflow\/serving\/regress/,
    ],
    ['regress', 'no examples', '{}', /Missing 'examples' key/],
    ['regress', 'a missing feature', '{"examples": [{}]}', /^Name: .*, Feature: x .* is required/],
    ['regress', 'a feature of another type', '{"examples": [{"x": "a"}]}', /Key: x.* types don't/],
    [
      'regress',
      'an example that is none',
      '{"examples": [1]}',
      /examples\[0\].*not of expected type: object/,
    ],
    [
      'regress',
      'mixed values',
      '{"examples": [{"x": [1.0, "a"]}]}',
      /feature: x .*\(examples\[0\], feature "x", value 1\)/,
    ],
  ])('%s refuses %s', async (method, _what, body, reason) => {
    const { status, error } = await failure(`examples:${method}`, body);

    expect(error).toMatch(reason);
    expect(status).toBe(400);
  });
});

describe('what is known of a model', () => {
  test('status of all versions, newest first, and of one', async () => {
    const version = (number: string): object => ({
      version: number,
      state: 'AVAILABLE',
      status: { error_code: 'OK', error_message: '' },
    });

    expect((await get('/half')).body).toEqual({
      model_version_status: [version('2'), version('1')],
    });
    expect((await get('/half/versions/1')).body).toEqual({ model_version_status: [version('1')] });
    expect((await get('/half/labels/stable')).body).toEqual({
      model_version_status: [version('1')],
    });
  });

  test('metadata as TensorFlow Serving writes it', async () => {
    const { body } = await get('/half/metadata');

    expect(body).toMatchObject({
      model_spec: { name: 'half', signature_name: '', version: '2' },
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: {
              inputs: {
                x: {
                  dtype: 'DT_FLOAT',
                  tensor_shape: { dim: [{ size: '-1', name: '' }], unknown_rank: false },
                  name: 'serving_default_x:0',
                },
              },
              method_name: 'tensorflow/serving/predict',
            },
          },
        },
      },
    });
  });

  test('a version and a label lead to the version', async () => {
    expect(await ok('half/versions/1:predict', { instances: [2] })).toEqual({ predictions: [3] });
    expect(await ok('half/labels/stable:predict', { instances: [2] })).toEqual({
      predictions: [3],
    });
  });

  test('a label that is unknown, or leads nowhere', async () => {
    expect(await failure('half/labels/canary:predict', { instances: [2] })).toMatchObject({
      status: 400,
      error: expect.stringContaining('Unrecognized servable version label: canary') as string,
    });
    expect((await failure('half/labels/gone:predict', { instances: [2] })).status).toBe(404);
  });

  test('no name, an unknown name, an unknown version', async () => {
    expect(await get('')).toEqual({
      status: 400,
      body: { error: 'Missing model name in request.' },
    });
    expect(await get('/nobody')).toMatchObject({
      status: 404,
      body: {
        error: expect.stringContaining('Could not find any versions of model nobody') as string,
      },
    });
    expect((await get('/half/versions/7')).status).toBe(404);
  });
});
