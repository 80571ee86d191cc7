import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import * as tf from '@tensorflow/tfjs';

import { checkImport } from '../../src/commands/import/check-import';
import { convertLayersModel } from '../../src/commands/import/layers-model/convert-layers-model';
import { LAYER_KINDS } from '../../src/commands/import/layers-model/layer-kinds';
import { refuseUnknownLayers } from '../../src/commands/import/layers-model/refuse-unknown-layers';
import { readTfjsPackage } from '../../src/commands/import/package/tfjs-package';
import { loadTfjsModel } from '../../src/commands/import/tfjs/tfjs-model';
import { registerPackagedLayers } from '../../src/commands/import/tfjs/packaged-layers';
import { TfjsBackend } from '../../src/runtime/tfjs-backend';
import { writeSavedModel } from '../../src/saved-model/saved-model-file';
import { removeFolder } from '../support/service';
import { saveLayersModel } from '../support/tfjs-package';

const { layers } = tf;

let folder: string;
let backend: TfjsBackend;
let count = 0;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'import-layers-'));
  backend = new TfjsBackend();
  await tf.setBackend('cpu');
  registerPackagedLayers();
});

afterAll(() => removeFolder(folder));

/** Every weight gets values of both signs; variances stay above 0. */
function scatterWeights(model: tf.LayersModel): void {
  for (const [index, weight] of model.weights.entries()) {
    const values = Array.from({ length: tf.util.sizeFromShape(weight.shape as number[]) }, (_, i) =>
      Math.sin(i * 12.9898 + index),
    );
    const variance = weight.originalName.endsWith('moving_variance');
    const kept = variance ? values.map((value) => Math.abs(value) + 0.2) : values;
    weight.write(tf.tensor(kept, weight.shape as number[]));
  }
}

/** Saves a model, imports it, and runs both. */
async function importAndCompare(model: tf.LayersModel): Promise<number> {
  scatterWeights(model);
  const source = path.join(folder, `source${count}`);
  const target = path.join(folder, `target${count++}`);
  await saveLayersModel(source, model);
  const saved = await readTfjsPackage(source);
  refuseUnknownLayers(saved.topology);
  const original = await loadTfjsModel(saved);
  if (original.kind !== 'layers') throw new Error('not a layers model');
  await writeSavedModel(target, convertLayersModel(original.model));
  const imported = backend.loadModel(target);
  try {
    return (await checkImport(original, imported)).result.relative;
  } finally {
    imported.dispose();
  }
}

type Layer = tf.layers.Layer;
type Build = () => Layer | readonly Layer[];

function sequence(inputShape: tf.Shape, built: Layer | readonly Layer[]): tf.LayersModel {
  const input = tf.input({ shape: inputShape });
  const output = [built].flat().reduce((x, layer) => layer.apply(x) as tf.SymbolicTensor, input);
  return tf.model({ inputs: input, outputs: output });
}

const PICTURE = [9, 8, 3];
const OPEN_PICTURE = [null, null, 3];
const ACTIVATIONS = [
  ...['elu', 'hardSigmoid', 'linear', 'relu', 'relu6', 'selu', 'sigmoid', 'softmax', 'softplus'],
  ...['softsign', 'tanh', 'logSoftmax', 'swish', 'mish', 'gelu'],
] as const;

/** A layer that the import registers for packages that define it in their code. */
function packagedLayer(className: string): Layer {
  const [create] = tf.serialization.SerializationMap.getMap().classNameMap[className]!;
  return new (create as unknown as new (config: object) => Layer)({});
}

const KINDS: readonly (readonly [string, tf.Shape, Build])[] = [
  [
    'Conv1D',
    [12, 3],
    () => layers.conv1d({ filters: 4, kernelSize: 3, strides: 2, activation: 'relu' }),
  ],
  [
    'Conv1D',
    [12, 3],
    () =>
      layers.conv1d({
        filters: 4,
        kernelSize: 3,
        dilationRate: 2,
        padding: 'same',
        useBias: false,
      }),
  ],
  [
    'Conv2D',
    PICTURE,
    () => layers.conv2d({ filters: 4, kernelSize: 3, strides: [2, 2], padding: 'same' }),
  ],
  [
    'Conv2D',
    OPEN_PICTURE,
    () => layers.conv2d({ filters: 4, kernelSize: [3, 2], dilationRate: 2, useBias: false }),
  ],
  [
    'Conv2DTranspose',
    OPEN_PICTURE,
    () => layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: 'same' }),
  ],
  [
    'Conv2DTranspose',
    PICTURE,
    () =>
      layers.conv2dTranspose({
        filters: 2,
        kernelSize: [4, 3],
        strides: [2, 3],
        activation: 'tanh',
      }),
  ],
  [
    'DepthwiseConv2D',
    PICTURE,
    () =>
      layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, strides: 2, padding: 'same' }),
  ],
  ['SeparableConv2D', PICTURE, () => layers.separableConv2d({ filters: 5, kernelSize: 3 })],
  [
    'SeparableConv2D',
    PICTURE,
    () =>
      layers.separableConv2d({
        filters: 5,
        kernelSize: [2, 3],
        dilationRate: [2, 3],
        padding: 'same',
      }),
  ],
  ['Dense', [6], () => layers.dense({ units: 4, activation: 'softmax' })],
  ['Dense', [5, 6], () => layers.dense({ units: 4, useBias: false })],
  [
    'MaxPooling1D',
    [12, 3],
    () => layers.maxPooling1d({ poolSize: 3, strides: 2, padding: 'same' }),
  ],
  ['AveragePooling1D', [12, 3], () => layers.averagePooling1d({ poolSize: 2 })],
  ['MaxPooling2D', PICTURE, () => layers.maxPooling2d({ poolSize: [3, 2], strides: [2, 1] })],
  [
    'AveragePooling2D',
    PICTURE,
    () => layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
  ],
  ['GlobalMaxPooling1D', [12, 3], () => layers.globalMaxPooling1d()],
  ['GlobalAveragePooling1D', [12, 3], () => layers.globalAveragePooling1d()],
  ['GlobalMaxPooling2D', PICTURE, () => layers.globalMaxPooling2d({})],
  ['GlobalAveragePooling2D', OPEN_PICTURE, () => layers.globalAveragePooling2d({})],
  ['BatchNormalization', PICTURE, () => layers.batchNormalization()],
  ['BatchNormalization', PICTURE, () => layers.batchNormalization({ scale: false, center: false })],
  ['LayerNormalization', PICTURE, () => layers.layerNormalization()],
  [
    'LayerNormalization',
    PICTURE,
    () => layers.layerNormalization({ axis: [2, 3], epsilon: 0.01, center: false }),
  ],
  ['ReLU', PICTURE, () => layers.reLU({ maxValue: 0.6 })],
  ['ReLU', PICTURE, () => layers.reLU()],
  ['LeakyReLU', PICTURE, () => layers.leakyReLU({ alpha: 0.2 })],
  ['PReLU', PICTURE, () => layers.prelu({ sharedAxes: [1, 2] })],
  ['ThresholdedReLU', PICTURE, () => layers.thresholdedReLU({ theta: 0.3 })],
  ['ELU', PICTURE, () => layers.elu()],
  ['Softmax', PICTURE, () => layers.softmax({ axis: -1 })],
  ['Rescaling', PICTURE, () => layers.rescaling({ scale: 0.5, offset: -1 })],
  ['Reshape', PICTURE, () => layers.reshape({ targetShape: [8, -1] })],
  ['Reshape', [null, 6], () => layers.reshape({ targetShape: [-1, 3] })],
  ['Flatten', PICTURE, () => layers.flatten()],
  ['Permute', PICTURE, () => layers.permute({ dims: [3, 1, 2] })],
  ['RepeatVector', [4], () => layers.repeatVector({ n: 3 })],
  [
    'ZeroPadding2D',
    PICTURE,
    () =>
      layers.zeroPadding2d({
        padding: [
          [1, 2],
          [0, 3],
        ],
      }),
  ],
  [
    'Cropping2D',
    PICTURE,
    () =>
      layers.cropping2D({
        cropping: [
          [1, 2],
          [3, 0],
        ],
      }),
  ],
  ['UpSampling2D', OPEN_PICTURE, () => layers.upSampling2d({ size: [2, 3] })],
  ['UpSampling2D', PICTURE, () => layers.upSampling2d({ size: [2, 2], interpolation: 'bilinear' })],
  ['Dropout', PICTURE, () => [layers.dropout({ rate: 0.5 }), layers.gaussianNoise({ stddev: 1 })]],
  ['SpatialDropout1D', [4, 3], () => layers.spatialDropout1d({ rate: 0.5 })],
  ['AlphaDropout', [4], () => layers.alphaDropout({ rate: 0.5 })],
  [
    'GaussianDropout',
    [4],
    () => [layers.gaussianDropout({ rate: 0.5 }), layers.gaussianNoise({ stddev: 1 })],
  ],
  ['MultiplyBeta', PICTURE, () => packagedLayer('MultiplyBeta')],
  [
    'PixelShuffle2x',
    PICTURE,
    () => [layers.conv2d({ filters: 12, kernelSize: 1 }), packagedLayer('PixelShuffle2x')],
  ],
];

test.each(KINDS)('%s answers in TensorFlow as in TensorFlow.js (%#)', async (_, shape, build) => {
  expect(await importAndCompare(sequence(shape, build()))).toBeLessThan(1e-4);
});

test.each(ACTIVATIONS)('the activation %s answers as in TensorFlow.js', async (activation) => {
  // The type of TensorFlow.js lacks some of the names that it takes.
  const args = { activation } as Parameters<typeof layers.activation>[0];
  const model = sequence([5, 4], layers.activation(args));

  expect(await importAndCompare(model)).toBeLessThan(1e-5);
});

test.each([
  ['Add', () => layers.add()],
  ['Multiply', () => layers.multiply()],
  ['Average', () => layers.average()],
  ['Maximum', () => layers.maximum()],
  ['Minimum', () => layers.minimum()],
  ['Concatenate', () => layers.concatenate({ axis: -1 })],
])('%s merges three inputs as in TensorFlow.js', async (_, build) => {
  const inputs = [1, 2, 3].map(() => tf.input({ shape: [4, 3] }));
  const model = tf.model({ inputs, outputs: build().apply(inputs) as tf.SymbolicTensor });

  expect(await importAndCompare(model)).toBeLessThan(1e-5);
});

test.each<[readonly number[], readonly number[], number | [number, number]]>([
  [[4], [4], 1],
  [
    [4, 3],
    [3, 5],
    [2, 1],
  ],
  [
    [3, 4],
    [5, 3],
    [1, 2],
  ],
])('Dot of %j and %j answers as in TensorFlow.js', async (a, b, axes) => {
  const inputs = [a, b].map((shape) => tf.input({ shape: [...shape] }));
  const output = layers.dot({ axes }).apply(inputs) as tf.SymbolicTensor;

  expect(await importAndCompare(tf.model({ inputs, outputs: output }))).toBeLessThan(1e-5);
});

test('vectors are merged with pictures along their channels', async () => {
  const inputs = [tf.input({ shape: [4, 5, 3] }), tf.input({ shape: [1, 3] })];
  const output = layers.multiply().apply(inputs) as tf.SymbolicTensor;

  expect(await importAndCompare(tf.model({ inputs, outputs: output }))).toBeLessThan(1e-5);
});

test('models inside models, layers that are used twice and two outputs are followed', async () => {
  const shared = layers.dense({ units: 6, activation: 'tanh', name: 'shared' });
  const features = tf.sequential({
    layers: [
      layers.conv2d({ filters: 3, kernelSize: 3, inputShape: PICTURE }),
      layers.globalAveragePooling2d({}),
    ],
  });
  const head = tf.sequential({ layers: [layers.dense({ units: 6, inputShape: [3] })] });
  const whole = tf.sequential({ layers: [features, head] });
  const input = tf.input({ shape: PICTURE, name: 'pixels' });
  const vector = whole.apply(input) as tf.SymbolicTensor;
  const once = shared.apply(vector) as tf.SymbolicTensor;
  const twice = shared.apply(once) as tf.SymbolicTensor;
  const sum = layers.add({ name: 'sum' }).apply([once, twice]) as tf.SymbolicTensor;

  expect(await importAndCompare(tf.model({ inputs: input, outputs: [sum, twice] }))).toBeLessThan(
    1e-5,
  );
});

test('every kind of layer is tried', () => {
  const merged = ['Add', 'Multiply', 'Average', 'Maximum', 'Minimum', 'Concatenate', 'Dot'];
  const others = ['Activation', 'GaussianNoise', ...merged];
  const tried = new Set([...others, ...KINDS.map(([kind]) => kind)]);

  expect(Object.keys(LAYER_KINDS).filter((kind) => !tried.has(kind))).toEqual([]);
});

test('an import that answers otherwise is refused', async () => {
  const model = sequence([4], layers.dense({ units: 3, name: 'dense' }));
  const target = path.join(folder, 'wrong');
  await writeSavedModel(target, convertLayersModel(model));
  scatterWeights(model);

  const check = checkImport({ kind: 'layers', model }, backend.loadModel(target));

  await expect(check).rejects.toThrow(/TensorFlow answers otherwise than TensorFlow\.js/);
});

test('batch normalisation of another dimension than the last is refused', () => {
  const model = sequence(PICTURE, layers.batchNormalization({ axis: 1, name: 'norm' }));

  expect(() => convertLayersModel(model)).toThrow(/"norm" .* has the axis 1; .* last one, 3/);
});

test('everything that is not supported is named at once', () => {
  const topology = {
    class_name: 'Sequential',
    config: [
      { class_name: 'LSTM', config: {} },
      { class_name: 'Conv2D', config: { data_format: 'channels_first' } },
      { class_name: 'Functional', config: { layers: [{ class_name: 'Odd', config: {} }] } },
      { class_name: 'DepthwiseConv2D', config: { dilation_rate: [2, 2] } },
      { class_name: 'ReLU', config: { negative_slope: 0.1 } },
    ],
  };

  expect(() => {
    refuseUnknownLayers({ model_config: topology });
  }).toThrow(
    /not supported: LSTM; Conv2D with its channels first; Odd; DepthwiseConv2D with dilation_rate, which TensorFlow\.js ignores; ReLU with negative_slope.*; supported: InputLayer, Conv1D/,
  );
});
