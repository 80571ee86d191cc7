import { readFile } from 'node:fs/promises';

import fc from 'fast-check';

import type { Service } from '../../src/compose';
import { inferBody, splitAnswer } from '../support/binary-protocol';
import {
  makeRepository,
  photo,
  removeFolder,
  shippedModel,
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
        batching: { maxBatchSize: 4, maxQueueDelayMs: 2 },
      }),
      versions: [1, 3],
    },
    types: toy('every_type'),
    sums: toy('two_signatures'),
    slow: toy('slow_add', { warmup: { enabled: false } }),
    classifier: shippedModel('efficientnet-lite0'),
    upscaler: shippedModel('span-x2'),
  });
  service = await startTestService({ modelRepository: repository, maxBodyBytes: 4_000_000 });
});
afterAll(async () => {
  await service.stop();
  await removeFolder(repository);
});

interface Answer {
  readonly status: number;
  readonly body: any;
}

async function get(address: string, method = 'GET'): Promise<Answer> {
  const response = await fetch(`${service.url}${address}`, { method });
  return { status: response.status, body: await response.json() };
}

function post(
  model: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${service.url}/v2/models/${model}/infer`, {
    method: 'POST',
    body: typeof body === 'string' ? body : Buffer.from(body),
    headers,
  });
}

async function infer(model: string, request: unknown): Promise<Answer> {
  const response = await post(
    model,
    typeof request === 'string' ? request : JSON.stringify(request),
  );
  return { status: response.status, body: await response.json() };
}

const x = (data: unknown, rest: object = {}): object => ({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [3], data, ...rest }],
});

describe('metadata', () => {
  test('the server names itself, its version and its extensions', async () => {
    const { status, body } = await get('/v2');

    expect(status).toBe(200);
    expect(body).toMatchObject({ name: 'tfjs-serving', version: '0.1.0' });
    expect(body.extensions).toEqual(
      expect.arrayContaining(['binary_tensor_data', 'classification', 'model_repository']),
    );
    expect(body.extensions.join()).not.toMatch(/shared_memory|trace|logging|sequence/);
  });

  test('a model has its versions, and its tensors with the batch dimension', async () => {
    expect((await get('/v2/models/half')).body).toEqual({
      name: 'half',
      versions: ['1', '3'],
      platform: 'tensorflow_savedmodel',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }],
    });
    expect((await get('/v2/models/classifier/versions/1')).body.inputs).toEqual([
      { name: 'images', datatype: 'FP32', shape: [-1, 224, 224, 3] },
    ]);
  });

  test('the configuration has no batch dimension, and the settings of the batching', async () => {
    const { body } = await get('/v2/models/half/config');

    expect(body).toMatchObject({
      name: 'half',
      backend: 'tensorflow',
      max_batch_size: 4,
      version_policy: { all: {} },
      dynamic_batching: {
        max_queue_delay_microseconds: 2000,
        default_queue_policy: { default_timeout_microseconds: 30_000_000 },
      },
      instance_group: [{ kind: 'KIND_CPU', count: 1 }],
    });
    expect((await get('/v2/models/types/config')).body.input).toContainEqual(
      expect.objectContaining({ name: 'string_in', data_type: 'TYPE_STRING', dims: [2] }),
    );
  });

  test('a model is ready or not there', async () => {
    expect(await get('/v2/models/half/ready')).toEqual({
      status: 200,
      body: { name: 'half', ready: true },
    });
    expect((await get('/v2/models/half/versions/3/ready')).status).toBe(200);
    expect((await get('/v2/models/half/versions/2/ready')).status).toBe(404);
    expect((await get('/v2/models/nothing/ready')).status).toBe(404);
  });
});

describe('infer as JSON', () => {
  test('answers flat data, its shape, and the id', async () => {
    const { status, body } = await infer('half', { id: 'mine', ...x([1, 2.5, -4]) });

    expect(status).toBe(200);
    expect(body).toEqual({
      id: 'mine',
      model_name: 'half',
      model_version: '3',
      outputs: [{ name: 'y', datatype: 'FP32', shape: [3], data: [2.5, 3.25, 0] }],
    });
  });

  test('takes nested data, a version, and columns as Triton has them', async () => {
    const nested = await infer('half/versions/1', x([[1], [2], [3]], { shape: [3, 1] }));

    expect(nested.body.model_version).toBe('1');
    expect(nested.body.outputs).toEqual([
      { name: 'y', datatype: 'FP32', shape: [3, 1], data: [2.5, 3, 3.5] },
    ]);
  });

  test('runs more rows than the batch may have, in order', async () => {
    const data = Array.from({ length: 1000 }, (_, i) => i);

    const { body } = await infer('half', x(data, { shape: [1000] }));

    expect(body.outputs[0].shape).toEqual([1000]);
    expect(body.outputs[0].data).toEqual(data.map((value) => value * 0.5 + 2));
  });

  test('answers NaN and Infinity as they came', async () => {
    const response = await post('half', JSON.stringify(x('[X]')).replace('"[X]"', '[NaN,1e39,1]'));
    const tokens = await post(
      'half',
      JSON.stringify(x('[X]')).replace('"[X]"', '[NaN,-Infinity,1]'),
    );

    expect(response.status).toBe(400);
    expect(await tokens.text()).toContain('"data":[NaN,-Infinity,2.5]');
  });

  test('runs the signature that a parameter names', async () => {
    const rows = { datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] };

    const { body } = await infer('sums', {
      parameters: { signature_name: 'sum' },
      inputs: [
        { name: 'b', ...rows },
        { name: 'a', ...rows },
      ],
    });

    expect(body.outputs).toEqual([
      { name: 'total', datatype: 'FP32', shape: [1, 3], data: [2, 4, 6] },
    ]);
  });

  test('carries every type that the runtime has', async () => {
    const inputs = {
      bool: ['BOOL', [true, false]],
      float32: ['FP32', [0.1, -3]],
      int32: ['INT32', [-(2 ** 31), 7]],
      string: ['BYTES', ['déjà', '']],
      uint8: ['UINT8', [0, 255]],
    } as const;
    const request = JSON.stringify({
      inputs: [
        ...Object.entries(inputs).map(([name, [datatype, data]]) => ({
          name: `${name}_in`,
          datatype,
          shape: [1, 2],
          data,
        })),
        { name: 'int64_in', datatype: 'INT64', shape: [1, 2], data: ['A', 'B'] },
      ],
    }).replace('"A","B"', '9223372036854775807,-9223372036854775808');

    const text = await (await post('types', request)).text();

    expect(text).toContain('9223372036854775807,-9223372036854775808');
    for (const output of JSON.parse(text).outputs) {
      const name = String(output.name).replace('_out', '');
      if (name === 'int64') continue;
      expect([output.datatype, output.data]).toEqual(inputs[name as keyof typeof inputs]);
    }
  });

  test.each([
    ['no JSON', '{', /JSON Parse error/],
    ['an empty body', '', /empty/],
    ['no inputs', {}, /inputs/],
    ['an unknown data type', x([1, 2, 3], { datatype: 'FP8' }), /inputs\.0\.datatype/],
    ['a negative shape', x([1, 2, 3], { shape: [-1] }), /inputs\.0\.shape/],
    ['too few values', x([1, 2]), /input "x" of shape \[3\] holds 3 values and was given 2/],
    ['a value of another type', x([1, 'a', 3]), /input "x": .*"a".*float/],
    ['a shape of another rank', x([1, 2, 3], { shape: [1, 3] }), /shape \[\?\].*\[1, 3\]/],
    ['no data', x(undefined), /input "x" has neither/],
    ['BYTES for numbers', x(['a', 'b', 'c'], { datatype: 'BYTES' }), /BYTES.*FP32/],
    ['FP64 beyond FP32', x([1e300, 0, 0], { datatype: 'FP64' }), /1e300|1e\+300/],
    ['INT8 out of its range', x([300, 0, 0], { datatype: 'INT8' }), /"x" of INT8.*300/],
    ['an input twice', { inputs: [(x([1]) as any).inputs[0], (x([1]) as any).inputs[0]] }, /"x"/],
    ['an unknown output', { ...x([1, 2, 3]), outputs: [{ name: 'z' }] }, /"z".*"y"/],
    [
      'an unknown signature',
      { ...x([1, 2, 3]), parameters: { signature_name: 'z' } },
      /"z" not found/,
    ],
    [
      'shared memory',
      x([1, 2, 3], { parameters: { shared_memory_region: 'r' } }),
      /shared_memory_region/,
    ],
    ['a sequence', { ...x([1, 2, 3]), parameters: { sequence_id: 4 } }, /sequence_id/],
  ])('refuses %s with 400', async (_what, request, message) => {
    const { status, body } = await infer('half', request);

    expect(status).toBe(400);
    expect(Object.keys(body)).toEqual(['error']);
    expect(body.error).toMatch(message);
  });

  test('a request that waits longer than its timeout is answered 504', async () => {
    const { status, body } = await infer('half', {
      ...x([1, 2, 3]),
      // Shorter than anything takes; in microseconds.
      parameters: { timeout: 1, priority: 3 },
    });

    expect(status).toBe(504);
    expect(body.error).toMatch(/queue/);
  });
});

describe('infer with binary data', () => {
  test('takes and answers a tensor as bytes', async () => {
    const { body, headers } = inferBody(
      { parameters: { binary_data_output: true } },
      { x: { datatype: 'FP32', shape: [3], bytes: Buffer.from(Float32Array.of(1, 2, 5).buffer) } },
    );

    const response = await post('half', body, headers);

    const { json, tensors } = await splitAnswer(response);
    expect(json.outputs).toEqual([
      { name: 'y', datatype: 'FP32', shape: [3], parameters: { binary_data_size: 12 } },
    ]);
    expect(new Float32Array(tensors.y!)).toEqual(Float32Array.of(2.5, 3, 4.5));
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
  });

  test.each([0, 1, 2, 3])('a large tensor comes through whole, %d bytes off', async (off) => {
    const numbers = Float32Array.from({ length: 200_001 }, (_, i) => i / 3);
    const id = 'x'.repeat(off);
    const { body, headers } = inferBody(
      { id, parameters: { signature_name: 'matrix', binary_data_output: true } },
      { x: { datatype: 'FP32', shape: [1, 200_001], bytes: Buffer.from(numbers.buffer) } },
    );

    const { json, tensors } = await splitAnswer(await post('types', body, headers));

    expect(json.id).toBe(id);
    expect(Buffer.from(tensors.y!).equals(Buffer.from(numbers.buffer))).toBe(true);
  });

  test('some outputs can be binary and others not', async () => {
    const two = (datatype: string, data: unknown): object => ({ datatype, shape: [1, 2], data });
    const given = {
      bool_in: two('BOOL', [true, false]),
      float32_in: two('FP32', [1, 2]),
      int32_in: two('INT32', [1, 2]),
      int64_in: two('INT64', [1, 2]),
      uint8_in: two('UINT8', [1, 2]),
    };
    const { body, headers } = inferBody(
      {
        inputs: Object.entries(given).map(([name, rest]) => ({ name, ...rest })),
        parameters: { binary_data_output: true },
        outputs: [
          { name: 'string_out' },
          { name: 'uint8_out', parameters: { binary_data: false } },
          { name: 'int64_out' },
        ],
      },
      {
        string_in: {
          datatype: 'BYTES',
          shape: [1, 2],
          bytes: Buffer.from([2, 0, 0, 0, 0xff, 0xfe, 0, 0, 0, 0]),
        },
      },
    );

    const { json, tensors } = await splitAnswer(await post('types', body, headers));

    expect(json.outputs.map(({ name, data }: any) => [name, data])).toEqual([
      ['string_out', undefined],
      ['uint8_out', [1, 2]],
      ['int64_out', undefined],
    ]);
    expect([...new Uint8Array(tensors.string_out!)]).toEqual([2, 0, 0, 0, 255, 254, 0, 0, 0, 0]);
    expect(new BigInt64Array(tensors.int64_out!)).toEqual(BigInt64Array.of(1n, 2n));
  });

  test('bytes that are no text are not answered as JSON', async () => {
    const { body, headers } = inferBody(
      { parameters: { signature_name: 'text' } },
      { text: { datatype: 'BYTES', shape: [1], bytes: Buffer.from([1, 0, 0, 0, 0xff]) } },
    );

    const response = await post('types', body, headers);

    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/"text.*binary data/);
  });

  const twelve = { datatype: 'FP32', shape: [3], bytes: Buffer.alloc(12) };
  test.each([
    ['is cut short', 11, {}, /binary_data_size of 12, and 11 bytes are left/],
    ['goes on after the inputs', 13, {}, /1 bytes after the inputs/],
    ['is shorter than its header says', 0, { header: '9999' }, /9999 does not fit/],
    ['has a header that is no number', 12, { header: '1e2' }, /1e2 does not fit/],
    ['has an empty header', 12, { header: '' }, /does not fit/],
  ])('a body that %s is refused', async (_what, bytes, { header }: any, message) => {
    const { body, headers } = inferBody({}, { x: twelve });
    const sent = Buffer.alloc(body.length - 12 + bytes);
    body.copy(sent);

    const response = await post('half', sent, {
      ...headers,
      ...(header === undefined ? {} : { 'Inference-Header-Content-Length': header }),
    });

    expect(response.status).toBe(400);
    expect(((await response.json()) as any).error).toMatch(message);
  });

  test('whatever happens to a body on its way, the client is told and nothing breaks', async () => {
    const two = (datatype: string, bytes: number): object => ({
      datatype,
      shape: [1, 2],
      bytes: Buffer.alloc(bytes),
    });
    const { body, headers } = inferBody({ parameters: { binary_data_output: true } }, {
      bool_in: two('BOOL', 2),
      float32_in: two('FP32', 8),
      int32_in: two('INT32', 8),
      int64_in: two('INT64', 16),
      string_in: two('BYTES', 8),
      uint8_in: two('UINT8', 2),
    } as Parameters<typeof inferBody>[1]);
    const length = Number(Object.values(headers)[0]);
    const name = Object.keys(headers)[0]!;
    expect((await post('types', body, headers)).status).toBe(200);

    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { maxLength: 3 }),
        fc.nat(body.length + 10),
        fc.constantFrom(length, 0, length - 1, length + 1, body.length, body.length + 1),
        async (flips, size, header) => {
          const sent = Buffer.alloc(size);
          body.copy(sent);
          for (const [at, byte] of flips) if (at < size) sent[at] = byte;

          const { status } = await post('types', sent, { [name]: String(header) });

          expect([200, 400, 413]).toContain(status);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('bytes behind the JSON need the header', async () => {
    const response = await post('half', inferBody({}, { x: twelve }).body);

    expect(response.status).toBe(400);
    expect(((await response.json()) as any).error).toMatch(/JSON Parse error/);
  });

  test('a body over the limit is answered 413 in the form of the protocol', async () => {
    const response = await post('half', Buffer.alloc(4_000_001));

    expect(response.status).toBe(413);
    expect(Object.keys((await response.json()) as object)).toEqual(['error']);
  });
});

describe('images', () => {
  const top3 = { name: 'logits', parameters: { classification: 3 } };
  const asJson = (jpeg: Buffer, outputs: object[]): object => ({
    inputs: [{ name: 'images', datatype: 'BYTES', shape: [1, 1], data: [jpeg.toString('base64')] }],
    outputs,
  });

  test('an encoded image is prepared as an upload is, and classified', async () => {
    const { body } = await infer('classifier', asJson(await readFile(photo('coffee.jpg')), [top3]));

    expect(body.outputs[0]).toMatchObject({ name: 'logits', datatype: 'BYTES', shape: [1, 3] });
    expect(body.outputs[0].data[0]).toMatch(/^[\d.]+:967:espresso$/);
  });

  test('a JPEG alone is a raw binary request', async () => {
    const jpeg = await readFile(photo('coffee.jpg'));
    const header = { 'Inference-Header-Content-Length': '0' };

    const { json, tensors } = await splitAnswer(await post('classifier', jpeg, header));
    const large = await splitAnswer(await post('upscaler', jpeg, header));

    expect(json.outputs[0].shape).toEqual([1, 1000]);
    const logits = new Float32Array(tensors.logits!);
    expect(logits.indexOf(Math.max(...logits))).toBe(967);
    expect(large.json.outputs[0].shape).toHaveLength(4);
  });

  test('pixels are taken as a raw binary request too, by their number', async () => {
    const header = { 'Inference-Header-Content-Length': '0' };

    const right = await post('classifier', Buffer.alloc(224 * 224 * 3 * 4), header);
    const wrong = await post('classifier', Buffer.alloc(224 * 224 * 3), header);

    expect(right.status).toBe(200);
    expect([wrong.status, await wrong.text()]).toEqual([415, expect.stringContaining('"error"')]);
  });

  test('faults of an image keep their status', async () => {
    const jpeg = await readFile(photo('coffee.jpg'));

    const broken = await infer('classifier', asJson(jpeg.subarray(0, 9000), []));

    expect(broken.status).toBe(422);
    expect(broken.body.error).toMatch(/\w/);
  });
});

test('a raw binary request is one row of a model with one input', async () => {
  const header = { 'Inference-Header-Content-Length': '0' };

  const one = await splitAnswer(await post('half', Buffer.from(Float32Array.of(6).buffer), header));
  const two = await post('half', Buffer.alloc(8), header);
  const several = await post('types', Buffer.alloc(8), header);

  expect(new Float32Array(one.tensors.y!)).toEqual(Float32Array.of(5));
  expect(await two.text()).toMatch(/8 bytes/);
  expect(await several.text()).toMatch(/one input.*6/);
});

test('statistics count what was run', async () => {
  const read = async (): Promise<any> => {
    const { body } = await get('/v2/models/half/versions/1/stats');
    return body.model_stats[0];
  };
  const before = await read();

  await infer('half/versions/1', x([1, 2, 3]));
  await infer('half/versions/1', x([1]));

  const after = await read();
  expect(after.inference_count - before.inference_count).toBe(3);
  expect(after.inference_stats.success.count - before.inference_stats.success.count).toBe(1);
  expect(after.inference_stats.fail.count - before.inference_stats.fail.count).toBe(1);
  expect(after.last_inference).toBeGreaterThan(0);
  expect(after.batch_stats).toContainEqual(expect.objectContaining({ batch_size: 3 }));
  expect((await get('/v2/models/stats')).body.model_stats).toHaveLength(7);
});

test.each([
  ['DELETE', '/v2', 405],
  ['POST', '/v2/health/live', 405],
  ['GET', '/v2/models/half/infer', 405],
  ['GET', '/v2/repository/index', 405],
  ['GET', '/v2/nothing', 404],
  ['GET', '/v2/models/nothing', 404],
  ['GET', '/v2/models/half/versions/2', 404],
  ['GET', '/v2/models/half/versions/x', 400],
  ['POST', '/v2/systemsharedmemory/region/a/register', 404],
])('%s %s is answered %d in the form of the protocol', async (method, address, status) => {
  const answer = await get(address, method);

  expect(answer).toEqual({ status, body: { error: expect.any(String) } });
});

test('inference is refused while too many requests are in flight; health and metadata are not', async () => {
  const busy = await startTestService({
    modelRepository: repository,
    models: ['half', 'slow'],
    maxInFlightRequests: 1,
  });
  try {
    const ask = (model: string, signal?: AbortSignal): Promise<Response> =>
      fetch(`${busy.url}/v2/models/${model}/infer`, {
        method: 'POST',
        body: JSON.stringify(x([1, 2, 3])),
        ...(signal === undefined ? {} : { signal }),
      });
    // A body that does not come holds no place.
    const held = new AbortController();
    const silent = fetch(`${busy.url}/v2/models/half/infer`, {
      method: 'POST',
      body: new ReadableStream({
        start: (stream) => {
          stream.enqueue(Buffer.from('{'));
        },
      }),
      signal: held.signal,
      duplex: 'half',
    }).catch(() => undefined);
    expect((await ask('half')).status).toBe(200);
    const running = ask('slow');
    let refused = await ask('half');
    while (refused.status === 200) refused = await ask('half');

    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect((await fetch(`${busy.url}/v2/health/live`)).status).toBe(200);
    expect((await fetch(`${busy.url}/v2/models/half`)).status).toBe(200);
    held.abort();
    await silent;
    expect((await running).status).toBe(200);
  } finally {
    await busy.stop();
  }
});
