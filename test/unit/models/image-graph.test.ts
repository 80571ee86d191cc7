import { imagePlanOf } from '../../../src/models/image-graph';
import type { ModelConfig } from '../../../src/models/model-config';
import { resolveServable, type ServableSpec } from '../../../src/models/servable-spec';
import type { DType } from '../../../src/kernel/element-types';
import type { TensorSpec } from '../../../src/kernel/tensor';

function tensor(name: string, dtype: DType, shape: readonly number[]): TensorSpec {
  return { name, dtype, tfDtype: 'DT_ANY', shape, node: `${name}:0` };
}

function servable(config: ModelConfig, input: TensorSpec, output: TensorSpec): ServableSpec {
  const signature = { inputs: [input], outputs: [output], methodName: '' };
  return resolveServable(config, { serving_default: signature }, undefined, {
    maxBatchSize: 4,
    batchSizeSteps: 'powers-of-two',
    maxQueueDelayMs: 0,
    maxQueueSize: 9,
    queueTimeoutMs: 9,
    instances: 1,
  });
}

const CLASSIFIER = servable(
  { output: { activation: 'softmax', topK: 3 } },
  tensor('x', 'float32', [-1, 6, 8, 3]),
  tensor('y', 'float32', [-1, 10]),
);

test('a classifier is planned to take pixels and to rank as many classes as it answers', () => {
  expect(imagePlanOf(CLASSIFIER, undefined)).toEqual({
    signature: 'serving_default',
    input: {
      name: 'x',
      dtype: 'float32',
      layout: 'NHWC',
      colorOrder: 'rgb',
      normalization: 'zero-to-one',
    },
    outputs: ['y'],
    preprocess: true,
    postprocess: { kind: 'classes', activation: 'softmax', k: 3 },
    sizes: [[8, 6]],
  });
});

test('each part can be left out, and both', () => {
  expect(imagePlanOf(CLASSIFIER, { preprocess: false })).toMatchObject({ preprocess: false });
  expect(imagePlanOf(CLASSIFIER, { postprocess: false })?.postprocess).toBeUndefined();
  expect(imagePlanOf(CLASSIFIER, { preprocess: false, postprocess: false })).toBeUndefined();
  expect(imagePlanOf(CLASSIFIER, false)).toBeUndefined();
});

test('pixels between whole numbers are not fed as bytes', () => {
  const classes = tensor('y', 'float32', [-1, 10]);
  const config: ModelConfig = { task: 'image-classification', input: { kernel: 'tf-bilinear' } };
  const fixed = servable(config, tensor('x', 'float32', [-1, 6, 8, 3]), classes);
  const anySize = servable(config, tensor('x', 'float32', [-1, -1, -1, 3]), classes);

  expect(imagePlanOf(fixed, undefined)).toMatchObject({ preprocess: false });
  expect(imagePlanOf(anySize, undefined)).toMatchObject({ preprocess: true });
});

test('a model from bytes to bytes needs nothing more', () => {
  const shape = [-1, -1, -1, 3];
  const spec = servable(
    { task: 'image-to-image' },
    tensor('x', 'uint8', shape),
    tensor('y', 'uint8', shape),
  );

  expect(imagePlanOf(spec, true)).toBeUndefined();
});

test('a model of any size is compared on two shapes that it takes', () => {
  const shape = [-1, 3, -1, -1];
  const input = { dynamic: { minSize: 10, maxSize: 70, multipleOf: 32 } };
  const spec = servable({ input }, tensor('x', 'float32', shape), tensor('y', 'float32', shape));

  expect(imagePlanOf(spec, true)).toMatchObject({
    postprocess: { kind: 'pixels', valueRange: [0, 1], layout: 'NCHW' },
    sizes: [
      [64, 96],
      [96, 64],
    ],
  });
});

test('a model that is asked for tensors gets none', () => {
  const shape = [-1, 6, 8, 3];
  const spec = servable(
    { task: 'tensor', input: {} },
    tensor('x', 'float32', shape),
    tensor('y', 'float32', [-1, 10]),
  );

  expect(imagePlanOf(spec, true)).toBeUndefined();
});
