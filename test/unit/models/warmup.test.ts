import type { ModelConfig } from '../../../src/models/model-config';
import { resolveServable, type ServableSpec } from '../../../src/models/servable-spec';
import { warmupInputs } from '../../../src/models/warmup';
import type { DType, TensorSpec } from '../../../src/kernel/tensor';

function input(
  shape: readonly number[] | undefined,
  dtype: DType | undefined = 'float32',
  name = 'x',
): TensorSpec {
  return { name, dtype, tfDtype: 'DT_ANY', shape, node: `${name}:0` };
}

function servable(config: ModelConfig, ...inputs: readonly TensorSpec[]): ServableSpec {
  const signature = { inputs, outputs: [input([-1, 10], 'float32', 'y')], methodName: '' };
  return resolveServable(config, { serving_default: signature }, undefined, {
    maxBatchSize: 4,
    batchSizeSteps: 'powers-of-two',
    maxQueueDelayMs: 0,
    maxQueueSize: 9,
    queueTimeoutMs: 9,
    instances: 1,
  });
}

function shapesOf(spec: ServableSpec): (readonly number[])[] {
  return [...warmupInputs(spec)].map((inputs) => inputs[0]?.shape ?? []);
}

test('every allowed batch size is run', () => {
  expect(shapesOf(servable({}, input([-1, 8, 9, 3])))).toEqual([
    [1, 8, 9, 3],
    [2, 8, 9, 3],
    [4, 8, 9, 3],
  ]);
});

test('each size is run as often as asked', () => {
  const config: ModelConfig = {
    batching: { maxBatchSize: 1 },
    warmup: { enabled: true, iterations: 3 },
  };

  expect(shapesOf(servable(config, input([-1, 4])))).toEqual([
    [1, 4],
    [1, 4],
    [1, 4],
  ]);
});

test('nothing is run when warm-up is off', () => {
  const config: ModelConfig = { warmup: { enabled: false, iterations: 1 } };

  expect(shapesOf(servable(config, input([-1, 4])))).toEqual([]);
});

test.each<[string, readonly number[], readonly number[]]>([
  ['NHWC', [-1, -1, -1, 3], [2, 32, 64, 3]],
  ['NCHW', [-1, 3, -1, -1], [2, 3, 32, 64]],
])('a model of any size is warmed in %s with the sizes given', (_, shape, warmed) => {
  const config: ModelConfig = {
    batching: { allowedBatchSizes: [2] },
    warmup: {
      enabled: true,
      iterations: 1,
      sizes: [
        [64, 32],
        [16, 16],
      ],
    },
  };

  const shapes = shapesOf(servable(config, input(shape)));

  expect(shapes).toHaveLength(2);
  expect(shapes[0]).toEqual(warmed);
});

test('a size that only model.json has is used', () => {
  const config: ModelConfig = { input: { width: 9, height: 8 }, batching: { maxBatchSize: 1 } };

  expect(shapesOf(servable(config, input([-1, -1, -1, 3])))).toEqual([[1, 8, 9, 3]]);
});

test('channels that the signature leaves open are those of the colours', () => {
  const config: ModelConfig = {
    input: { width: 9, height: 8, colorOrder: 'grayscale' },
    batching: { maxBatchSize: 1 },
  };

  expect(shapesOf(servable(config, input([-1, -1, -1, -1])))).toEqual([[1, 8, 9, 1]]);
});

test('a model that cannot be batched is run once, as its signature is', () => {
  expect(shapesOf(servable({}, input([3, 4])))).toEqual([[3, 4]]);
});

test.each<[DType, number]>([
  ['float32', 12],
  ['int64', 12],
  ['complex64', 24],
])('%s inputs hold a value for every element', (dtype, length) => {
  const [inputs] = [...warmupInputs(servable({}, input([3, 4], dtype)))];

  expect(inputs?.[0]).toMatchObject({ name: 'x', dtype, shape: [3, 4] });
  expect(inputs?.[0]?.data).toHaveLength(length);
});

test('all inputs are given, each with its name', () => {
  const [inputs] = [...warmupInputs(servable({}, input([-1, 4]), input([-1], 'int32', 'z')))];

  expect(inputs?.map(({ name, shape }) => [name, shape])).toEqual([
    ['x', [1, 4]],
    ['z', [1]],
  ]);
});

test.each<[string, TensorSpec]>([
  ['a dimension of any size', input([-1, -1])],
  ['an unknown rank', input(undefined)],
  ['strings, whose valid values only it knows', input([-1], 'string')],
  ['a type that cannot be carried', { ...input([-1, 4]), dtype: undefined }],
])('a model with %s starts cold', (_, unknown) => {
  expect(shapesOf(servable({}, unknown, input([-1, 4], 'float32', 'z')))).toEqual([]);
});
