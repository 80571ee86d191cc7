import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import * as tf from '@tensorflow/tfjs';

import { runProgram, type Ended } from '../support/run-program';
import { photo, removeFolder, startTestService } from '../support/service';
import {
  FLOAT,
  placeholder,
  saveGraphModel,
  saveLayersModel,
  text,
  type GraphSketch,
  type GraphWeight,
} from '../support/tfjs-package';

const IMPORT = path.resolve(__dirname, '../../dist/commands/import/main.js');

let folder: string;
let repository: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'import-'));
  repository = path.join(folder, 'models');
});

afterEach(() => removeFolder(folder));

function runImport(...args: string[]): Promise<Ended> {
  return runProgram(process.execPath, [
    IMPORT,
    ...['--model-repository', repository, '--model', 'net', '--from', path.join(folder, 'source')],
    ...args,
  ]);
}

function weight(name: string, shape: readonly number[], scale?: number): GraphWeight {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898 + shape.length));
  return { name, shape, values, ...(scale === undefined ? {} : { scale }) };
}

const CONVOLUTION = {
  ...FLOAT,
  strides: { list: { i: ['1', '2', '2', '1'] } },
  dilations: { list: { i: ['1', '1', '1', '1'] } },
  padding: text('SAME'),
  data_format: text('NHWC'),
  explicit_paddings: { list: {} },
};

function fused(
  name: string,
  op: string,
  input: readonly string[],
  operations: readonly string[],
  attr: Record<string, unknown> = CONVOLUTION,
): Record<string, unknown> {
  return {
    name,
    op,
    input,
    device: '/device:CPU:0',
    attr: {
      ...attr,
      num_args: { i: String(input.length - 2) },
      epsilon: { f: 0 },
      fused_ops: { list: { s: operations.map((operation) => text(operation).s) } },
    },
  };
}

/** A classifier of every fused operation, with weights of several kinds. */
const NETWORK: GraphSketch = {
  weights: [
    weight('w1', [3, 3, 3, 4], 2 / 255),
    weight('b1', [4]),
    weight('slope', [4]),
    weight('w2', [3, 3, 4, 1]),
    weight('b2', [4]),
    weight('w3', [4, 5]),
    weight('b3', [5]),
    { name: 'axes', shape: [2], values: [1, 2], dtype: 'int32', type: 'DT_INT64' },
  ],
  nodes: [
    placeholder('image', [-1, 16, 16, 3]),
    fused('conv', '_FusedConv2D', ['image', 'w1', 'b1', 'slope'], ['BiasAdd', 'Prelu']),
    fused('depthwise', 'FusedDepthwiseConv2dNative', ['conv', 'w2', 'b2'], ['BiasAdd', 'Relu6']),
    { name: 'prelu', op: 'Prelu', input: ['depthwise', 'slope'], attr: FLOAT },
    {
      name: 'mean',
      op: 'Mean',
      input: ['prelu', 'axes'],
      attr: { ...FLOAT, Tidx: { type: 'DT_INT64' }, keep_dims: { b: false } },
    },
    fused('dense', '_FusedMatMul', ['mean', 'w3', 'b3'], ['BiasAdd', 'LeakyRelu'], {
      ...FLOAT,
      transpose_a: { b: false },
      transpose_b: { b: false },
      leakyrelu_alpha: { f: 0.1 },
    }),
    { name: 'scores', op: 'Softmax', input: ['dense'], attr: FLOAT },
  ],
  signature: {
    inputs: {
      image: {
        name: 'image:0',
        dtype: 'DT_FLOAT',
        tensorShape: { dim: [{ size: '-1' }, { size: '16' }, { size: '16' }, { size: '3' }] },
      },
    },
    outputs: {
      scores: {
        name: 'scores:0',
        dtype: 'DT_FLOAT',
        tensorShape: { dim: [{ size: '-1' }, { size: '5' }] },
      },
    },
  },
};

test('a graph model becomes a version that the server serves', async () => {
  await saveGraphModel(path.join(folder, 'source'), NETWORK);
  const labels = path.join(folder, 'names.txt');
  await writeFile(labels, 'a\nb\nc\nd\ne\n');

  const { code, output } = await runImport('--labels', labels);

  expect(output).toMatch(
    /TensorFlow\.js graph model\ncompared with TensorFlow\.js on 2 random inputs: .*\nwith the settings of the server on a CPU \(oneDNN on\): by [\d.e-]+\n/,
  );
  expect(output).toMatch(/written: .*net\/1$/m);
  expect(code).toBe(0);
  expect((await readdir(path.join(repository, 'net'))).sort()).toEqual([
    '1',
    'labels.txt',
    'model.json',
  ]);
  const service = await startTestService({ modelRepository: repository });
  try {
    const body = new FormData();
    body.set('image', new Blob([await readFile(photo('chelsea.jpg'))]));
    const response = await fetch(`${service.url}/models/net/classify?top=5`, {
      method: 'POST',
      body,
    });
    const answer: any = await response.json();
    expect(response.status).toBe(200);
    expect(answer.results[0].predictions.map((one: any) => one.label).sort()).toEqual([
      'a',
      'b',
      'c',
      'd',
      'e',
    ]);
  } finally {
    await service.stop();
  }
});

test('an export of Teachable Machine brings its labels and its normalisation', async () => {
  await tf.setBackend('cpu');
  const source = path.join(folder, 'source');
  const model = tf.sequential({
    layers: [
      tf.layers.globalAveragePooling2d({ inputShape: [8, 8, 3] }),
      tf.layers.dense({ units: 2, activation: 'softmax' }),
    ],
  });
  await saveLayersModel(source, model);
  const metadata = { packageName: '@teachablemachine/image', labels: ['on', 'off'], imageSize: 8 };
  await writeFile(path.join(source, 'metadata.json'), JSON.stringify(metadata));

  const { code, output } = await runImport();

  expect(output).toMatch(/TensorFlow\.js layers model[^]*task: image-classification/);
  expect(code).toBe(0);
  const written = path.join(repository, 'net');
  expect(JSON.parse(await readFile(path.join(written, 'model.json'), 'utf8'))).toEqual({
    input: { normalization: { mean: [127], std: [127] } },
    labels: 'labels.txt',
  });
  expect(await readFile(path.join(written, 'labels.txt'), 'utf8')).toBe('on\noff\n');
});

test('a model of nsfwjs is fed as nsfwjs feeds it', async () => {
  await saveGraphModel(path.join(folder, 'source', 'dist', 'models', 'small'), NETWORK);
  await writeFile(path.join(folder, 'source', 'package.json'), '{ "name": "nsfwjs" }');
  await writeFile(path.join(folder, 'source', 'dist', 'package.json'), '{ "type": "module" }');

  const { code, output } = await runImport('--from', path.join(folder, 'source/dist/models/small'));

  expect(output).toMatch(/task: image-classification/);
  expect(code).toBe(0);
  const written = path.join(repository, 'net');
  expect(JSON.parse(await readFile(path.join(written, 'model.json'), 'utf8'))).toEqual({
    input: { fit: 'fill', kernel: 'tf-bilinear-align-corners', normalization: 'zero-to-one' },
    labels: 'labels.txt',
  });
  expect(await readFile(path.join(written, 'labels.txt'), 'utf8')).toMatch(
    /^Drawing\n.*\nNeutral\n/,
  );
});

test('a package of scripts with weights in base64 is read', async () => {
  const source = path.join(folder, 'source');
  await saveGraphModel(source, NETWORK);
  const json = await readFile(path.join(source, 'model.json'), 'utf8');
  await writeFile(path.join(source, 'model.min.js'), `module.exports = ${json};`);
  for (const name of ['shard1.bin', 'shard2.bin']) {
    const bytes = await readFile(path.join(source, name));
    await writeFile(
      path.join(source, `${name}.min.js`),
      `module.exports = "${bytes.toString('base64')}";`,
    );
    await rm(path.join(source, name));
  }
  await rm(path.join(source, 'model.json'));

  const { code, output } = await runImport();

  expect(output).toMatch(/graph model[^]*written: /);
  expect(code).toBe(0);
});

test('labels that do not fit are refused before anything is written', async () => {
  await saveGraphModel(path.join(folder, 'source'), NETWORK);
  const labels = path.join(folder, 'names.txt');
  await writeFile(labels, 'a\nb\n');

  const { code, output } = await runImport('--labels', labels);

  expect(output).toMatch(/cannot be served: .*2/);
  expect(code).toBe(5);
  expect(await readdir(repository)).toEqual([]);
});

test('a version is replaced only when that is said', async () => {
  await saveGraphModel(path.join(folder, 'source'), NETWORK);
  await runImport('--version', '3');
  const before = await readFile(path.join(repository, 'net/3/saved_model.pb'));
  const [first] = NETWORK.weights;
  await saveGraphModel(path.join(folder, 'source'), {
    ...NETWORK,
    weights: NETWORK.weights.map((one) => (one === first ? weight('w1', [3, 3, 3, 4]) : one)),
  });

  const refused = await runImport('--version', '3');
  const next = await runImport();
  const replaced = await runImport('--version', '3', '--overwrite');

  expect(refused).toMatchObject({
    code: 2,
    output: expect.stringMatching(/has a version 3 already/),
  });
  expect(next.output).toMatch(/written: .*net\/4$/m);
  expect(replaced.code).toBe(0);
  expect((await readdir(path.join(repository, 'net'))).sort()).toEqual(['3', '4']);
  expect((await readFile(path.join(repository, 'net/3/saved_model.pb'))).equals(before)).toBe(
    false,
  );
});

test('--dry-run writes nothing', async () => {
  await saveGraphModel(path.join(folder, 'source'), NETWORK);

  const { code, output } = await runImport('--dry-run');

  expect(output).toMatch(/nothing was written/);
  expect(code).toBe(0);
  await expect(readdir(repository)).rejects.toThrow(/ENOENT/);
});

const READ = { name: 'y', op: 'Relu', input: ['x'], attr: FLOAT };
test.each<[string, GraphSketch, RegExp]>([
  [
    'operations that TensorFlow lacks',
    {
      weights: [],
      nodes: [
        placeholder('x', [1, 2]),
        { name: 'a', op: 'FancyOp', input: ['x'] },
        { name: 'b', op: 'OddOp', input: ['a'] },
      ],
    },
    /does not have: FancyOp \(such as "a"\), OddOp \(such as "b"\)/,
  ],
  [
    'control flow that calls functions',
    {
      weights: [],
      nodes: [
        placeholder('x', [1, 2]),
        {
          name: 'loop',
          op: 'While',
          input: ['x'],
          attr: { cond: { func: { name: 'c' } }, body: { func: { name: 'd' } } },
        },
      ],
    },
    /control flow that calls functions.*While \(such as "loop"\)/,
  ],
  [
    'an activation that is not known',
    {
      weights: [weight('w', [2, 2])],
      nodes: [placeholder('x', [1, 2]), fused('y', '_FusedMatMul', ['x', 'w'], ['Gelu'], FLOAT)],
    },
    /has Gelu fused into it.*supported: BiasAdd/,
  ],
  [
    'a signature of another graph',
    {
      weights: [],
      nodes: [placeholder('x', [1, 2]), READ],
      signature: { outputs: { z: { name: 'z:0' } } },
    },
    /names the node "z", which the graph lacks/,
  ],
])('%s are refused by name, and nothing is left behind', async (_, sketch, message) => {
  await saveGraphModel(path.join(folder, 'source'), sketch);

  const { code, output } = await runImport();

  expect(output).toMatch(message);
  expect(code).toBe(5);
  expect(await readdir(repository)).toEqual([]);
});

test.each([
  ['an ONNX model', 'model.onnx', /docs\/bring-your-model\.md/],
  ['a Keras file', 'model.keras', /docs\/bring-your-model\.md/],
  ['a file that is missing', 'absent.json', /no such file/],
])('%s is a fault of usage', async (_, file, message) => {
  const { code, output } = await runImport('--from', path.join(folder, file));

  expect(output).toMatch(message);
  expect(code).toBe(2);
});
