import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Service } from '../../src/compose';
import { DataType } from '../../src/saved-model/protobuf/tensorflow_pb';
import { addVersion, removeFolder, startTestService, toy } from '../support/service';
import { writeSignatures, type SignatureSketch } from '../support/signature-model';

/** Requests that other servers answer, to models that the fixtures do not have. */
let service: Service;
let repository: string;

const ODD_NAMES = ['__proto__', 'constructor', 'hasOwnProperty', 'toString'];
const COLUMN: SignatureSketch = {
  inputs: { x: { shape: [-1, 1] } },
  outputs: { y: { half: 'x', shape: [-1, 1] } },
};
/** Outputs as TensorFlow 2 exports an estimator: the method is predict. */
const OF_EXAMPLES: SignatureSketch = {
  inputs: { examples: { dtype: DataType.DT_STRING, shape: [-1] } },
  outputs: { classes: { same: 'examples', shape: [-1] } },
};

beforeAll(async () => {
  repository = await mkdtemp(path.join(tmpdir(), 'repository-'));
  const models: Record<string, Record<string, SignatureSketch>> = {
    half: { serving_default: COLUMN },
    constant: {
      serving_default: { inputs: {}, outputs: { y: { numbers: [1, 2, 3], shape: [3] } } },
    },
    odd: Object.fromEntries([
      [
        'serving_default',
        {
          inputs: { x: { shape: [-1] } },
          outputs: Object.fromEntries(ODD_NAMES.map((name) => [name, { half: 'x', shape: [-1] }])),
        },
      ],
      [
        '__proto__',
        {
          inputs: Object.fromEntries(ODD_NAMES.map((name) => [name, { shape: [-1] }])),
          outputs: Object.fromEntries(ODD_NAMES.map((name) => [name, { half: name, shape: [-1] }])),
        },
      ],
    ]),
    exported: {
      serving_default: OF_EXAMPLES,
      scores: {
        inputs: { examples: { dtype: DataType.DT_STRING, shape: [-1] } },
        outputs: { scores: { numbers: [0.25, 0.75], shape: [1, 2] } },
      },
      regress: {
        inputs: { examples: { dtype: DataType.DT_STRING, shape: [-1] } },
        outputs: { outputs: { numbers: [4.5], shape: [1] } },
      },
      numbers: COLUMN,
      other: { ...OF_EXAMPLES, outputs: { y: { same: 'examples', shape: [-1] } } },
      wrong_type: { ...OF_EXAMPLES, outputs: { scores: { same: 'examples', shape: [-1] } } },
    },
    quantized: {
      serving_default: COLUMN,
      lower: {
        inputs: { x: { dtype: DataType.DT_QINT8, shape: [-1] } },
        outputs: { y: { same: 'x', shape: [-1] } },
      },
    },
  };
  for (const [name, signatures] of Object.entries(models)) {
    await writeSignatures(path.join(repository, name, '1'), signatures);
  }
  await addVersion(repository, 'flat', 1, toy('half_plus_two'));
  await addVersion(repository, 'types', 1, toy('every_type'));
  await addVersion(repository, 'examples', 1, toy('examples'));
  service = await startTestService({ modelRepository: repository });
});
afterAll(async () => {
  await service.stop();
  await removeFolder(repository);
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function post(address: string, body: unknown): Promise<Answer> {
  const response = await fetch(service.url + address, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

const v1 = (modelAndMethod: string, body: unknown): Promise<Answer> =>
  post(`/v1/models/${modelAndMethod}`, body);
const infer = (model: string, body: unknown): Promise<Answer> =>
  post(`/v2/models/${model}/infer`, body);

function ofX(shape: readonly number[], data: unknown, datatype = 'FP32'): object {
  return { name: 'x', datatype, shape, data };
}

describe('a column, however it is written', () => {
  test("the first command of TensorFlow Serving's README", async () => {
    expect(await v1('half:predict', '{"instances":[1.0,2.0,5.0]}')).toEqual({
      status: 200,
      text: '{"predictions": [2.5,3.0,4.5]}',
    });
  });

  test.each([
    ['rows of one number', { instances: [[1], [2]] }, '{"predictions": [[2.5],[3.0]]}'],
    ['rows by name', { instances: [{ x: 1 }, { x: [2] }] }, undefined],
    ['a named row each', { instances: [{ x: 1 }, { x: 2 }] }, '{"predictions": [2.5,3.0]}'],
    ['columns', { inputs: [1, 2] }, '{"outputs": [2.5,3.0]}'],
    ['a column by name', { inputs: { x: [[1], [2]] } }, '{"outputs": [[2.5],[3.0]]}'],
  ])('%s', async (_what, body, text) => {
    const answer = await v1('half:predict', body);

    // Both ways in one list is neither.
    expect(answer.status).toBe(text === undefined ? 400 : 200);
    if (text !== undefined) expect(answer.text).toBe(text);
  });

  test('[n, 1] for a model of [?], by every way in', async () => {
    expect((await v1('flat:predict', { instances: [[1], [2]] })).text).toBe(
      '{"predictions": [[2.5],[3.0]]}',
    );
    const { text } = await infer('flat', { inputs: [ofX([2, 1], [1, 2])] });
    expect(JSON.parse(text).outputs).toEqual([
      { name: 'y', datatype: 'FP32', shape: [2, 1], data: [2.5, 3] },
    ]);
  });

  test('[n] for a model of [?, 1] under /v2', async () => {
    const { text } = await infer('half', { inputs: [ofX([3], [1, 2, 5])] });
    expect(JSON.parse(text).outputs).toEqual([
      { name: 'y', datatype: 'FP32', shape: [3], data: [2.5, 3, 4.5] },
    ]);
  });

  test('any other shape is refused with the one that is taken', async () => {
    for (const instances of [[[1, 2]], [[[1]]]]) {
      const { status, text } = await v1('half:predict', { instances });
      expect(status).toBe(400);
      expect(text).toMatch(/input \\"x\\" must have shape \[\?, 1\] and was given/);
    }
  });
});

test('an empty signature name is none, for every method', async () => {
  expect((await v1('half:predict', { signature_name: '', instances: [1] })).text).toBe(
    '{"predictions": [2.5]}',
  );
  expect((await v1('examples:regress', { signature_name: '', examples: [{ x: 1.5 }] })).text).toBe(
    '{"results": [2.75]}',
  );
  const parameters = { signature_name: '' };
  expect((await infer('half', { parameters, inputs: [ofX([1], [1])] })).status).toBe(200);
});

describe('no rows', () => {
  test.each([
    ['half', { instances: [] }, '{"predictions": []}'],
    ['half', { inputs: [] }, '{"outputs": []}'],
    ['half', { inputs: { x: [] } }, '{"outputs": []}'],
    ['types', { signature_name: 'matrix', instances: [] }, '{"predictions": []}'],
  ])('%s %j', async (model, body, text) => {
    expect(await v1(`${model}:predict`, body)).toEqual({ status: 200, text });
  });

  test('under /v2 the shape is the one of the answer with rows', async () => {
    const { status, text } = await infer('half', { inputs: [ofX([0, 1], [])] });

    expect(status).toBe(200);
    expect(JSON.parse(text).outputs).toEqual([
      { name: 'y', datatype: 'FP32', shape: [0, 1], data: [] },
    ]);
  });

  test('classify and regress', async () => {
    for (const method of ['classify', 'regress']) {
      const signature_name = method === 'classify' ? 'classify' : '';
      expect(await v1(`examples:${method}`, { signature_name, examples: [] })).toEqual({
        status: 200,
        text: '{"results": []}',
      });
    }
  });
});

describe('a signature without inputs', () => {
  test.each([
    ['{"inputs": {}}', '{"outputs": [1.0,2.0,3.0]}'],
    ['{"instances": [{}]}', '{"predictions": [1.0,2.0,3.0]}'],
  ])('%s', async (body, text) => {
    expect(await v1('constant:predict', body)).toEqual({ status: 200, text });
  });

  test('an empty list of inputs under /v2', async () => {
    const { text } = await infer('constant', { inputs: [] });

    expect(JSON.parse(text).outputs).toEqual([
      { name: 'y', datatype: 'FP32', shape: [3], data: [1, 2, 3] },
    ]);
  });

  test('what is given all the same is refused by name', async () => {
    expect((await v1('constant:predict', { instances: [1] })).text).toMatch(/takes no input/);
    expect((await v1('constant:predict', { inputs: { x: 1 } })).text).toMatch(
      /no input \\"x\\"; the signature takes none/,
    );
    expect((await infer('constant', { inputs: [ofX([1], [1])] })).text).toMatch(
      /no input \\"x\\"; the signature takes none/,
    );
  });
});

describe('names that objects of JavaScript have already', () => {
  const all = Object.fromEntries(ODD_NAMES.map((name) => [name, 2.5]));

  test('outputs in rows and in columns', async () => {
    expect(JSON.parse((await v1('odd:predict', { instances: [1] })).text)).toEqual({
      predictions: [all],
    });
    const { text } = await v1('odd:predict', { inputs: [1] });
    expect(text).toContain('"__proto__": [2.5]');
  });

  test('inputs, and the signature itself', async () => {
    const row = ODD_NAMES.map((name) => `"${name}": 1`).join(', ');
    const { text } = await v1(
      'odd:predict',
      `{"signature_name": "__proto__", "instances": [{${row}}]}`,
    );

    expect(JSON.parse(text)).toEqual({ predictions: [all] });
  });

  test('metadata lists each, and /v2 answers the one asked for', async () => {
    for (const address of ['/v1/models/odd/metadata', '/v2/models/odd', '/models/odd']) {
      const text = await (await fetch(service.url + address)).text();
      for (const name of ODD_NAMES) expect(text).toContain(`"${name}"`);
    }
    const { text } = await infer('odd', {
      inputs: [ofX([1], [1])],
      outputs: [{ name: '__proto__' }],
    });
    expect(JSON.parse(text).outputs.map(({ name }: { name: string }) => name)).toEqual([
      '__proto__',
    ]);
  });
});

describe('classify and regress on what TensorFlow 2 exports', () => {
  test('scores, and numbers', async () => {
    const examples = [{ x: 1 }];

    expect(await v1('exported:classify', { signature_name: 'scores', examples })).toEqual({
      status: 200,
      text: '{"results": [[["", 0.25],["", 0.75]]]}',
    });
    expect(await v1('exported:regress', { signature_name: 'regress', examples })).toEqual({
      status: 200,
      text: '{"results": [4.5]}',
    });
  });

  test.each([
    ['classify', 'numbers', /contain .*classes.* or .*scores.*answers .*y.*: use :predict/],
    ['classify', 'other', /contain .*classes.* or .*scores.*answers .*y/],
    ['classify', 'wrong_type', /scores.* to be float32, and it is DT_STRING/],
    ['regress', 'serving_default', /contain .*outputs.*answers .*classes/],
  ])('%s refuses the signature %s by what it lacks', async (method, signature_name, reason) => {
    const { status, text } = await v1(`exported:${method}`, {
      signature_name,
      examples: [{ x: 1 }],
    });

    expect(text).toMatch(reason);
    expect(status).toBe(400);
  });

  test('a feature that is an empty list is a feature that is missing', async () => {
    const { text } = await v1('examples:regress', { examples: [{ x: [] }] });

    expect(text).toMatch(/Feature: x .* is required but could not be found/);
  });
});

describe('what is refused is named', () => {
  test.each([
    ['flat', { instances: [1.5, null] }, 'element: 1 of', 'JSON Value: null Type: Null', '[1]'],
    ['half', { instances: [[1.5], [null]] }, 'element: 1 of', 'JSON Value: null', '[1][0]'],
    ['flat', { inputs: [1.5, 'a'] }, 'Type: String is not of expected type: float', '[1]'],
    ['flat', { instances: [{ x: 1.5 }, { x: null }] }, 'element: 1 key: x of', 'Type: Null'],
  ])('%s %j', async (model, body, ...words) => {
    const { status, text } = await v1(`${model}:predict`, body);

    expect(status).toBe(400);
    for (const word of words) expect(text).toContain(word);
  });

  test('the element under /v2, converted or not', async () => {
    for (const datatype of ['FP32', 'FP64', 'INT8']) {
      const { text } = await infer('flat', { inputs: [ofX([2], [1, null], datatype)] });
      expect(text).toMatch(/input \\"x\\".*null.*\(element 1\)/);
    }
  });

  test('outputs that are asked for twice, and inputs that are given twice', async () => {
    const twice = [{ name: 'y' }, { name: 'y' }];

    expect(await infer('flat', { inputs: [ofX([1], [1])], outputs: twice })).toEqual({
      status: 400,
      text: '{"error":"output \\"y\\" is asked for twice: name each output once"}',
    });
    const { status, text } = await infer('flat', { inputs: [ofX([1], [1]), ofX([1], [1])] });
    expect(status).toBe(400);
    expect(text).toContain('input \\"x\\" was given 2 times');
  });

  test('types by their names', async () => {
    const signature_name = 'lower';

    const { status, text } = await v1('quantized:predict', { signature_name, instances: [1] });

    expect(status).toBe(400);
    expect(text).toContain('DT_QINT8');
    expect(text).not.toContain('type 11');
  });
});

test('numbers beyond a double are infinite, under /v1 and /v2', async () => {
  expect((await v1('flat:predict', '{"instances": [1.8e308, -1.8e308]}')).text).toBe(
    '{"predictions": [Infinity,-Infinity]}',
  );
  for (const datatype of ['FP32', 'FP64']) {
    const body = `{"inputs": [{"name": "x", "datatype": "${datatype}", "shape": [2], "data": [1.8e308, -1.8e308]}]}`;
    expect((await infer('flat', body)).text).toContain('"data":[Infinity,-Infinity]');
  }
});

test('null for whatever may be left out of an infer request', async () => {
  const body = {
    id: null,
    parameters: null,
    outputs: null,
    inputs: [{ ...ofX([1], [1.5]), parameters: null }],
  };

  const { status, text } = await infer('flat', body);

  expect(status).toBe(200);
  expect(JSON.parse(text)).not.toHaveProperty('id');
  expect((await post('/v2/repository/index', { ready: null })).status).toBe(200);
});

test("metrics at TensorFlow Serving's address too", async () => {
  const [own, theirs] = await Promise.all(
    ['/metrics', '/monitoring/prometheus/metrics'].map((address) => fetch(service.url + address)),
  );

  expect(theirs?.status).toBe(200);
  expect(theirs?.headers.get('Content-Type')).toBe(own?.headers.get('Content-Type'));
  expect(await theirs?.text()).toContain('# TYPE tfjs_serving_http_requests_total counter');
});
