import type { ModelConfig } from '../../../src/models/model-config';
import { resolveServable, type ServableSpec } from '../../../src/models/servable-spec';
import { warm, warmupInputs } from '../../../src/models/warmup';
import { RunFailedError, type TensorFlowCode } from '../../../src/kernel/run-failed-error';
import type { Instance } from '../../../src/runtime/instance';
import type { DType } from '../../../src/kernel/element-types';
import type { Tensor, TensorSpec } from '../../../src/kernel/tensor';

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
])('a model with %s starts cold', (_, unknown) => {
  expect(shapesOf(servable({}, unknown, input([-1, 4], 'float32', 'z')))).toEqual([]);
});

describe('a model of which no valid input is known', () => {
  const strings = servable({}, input([-1], 'string'));
  const warmth = { spec: strings, imageGraph: undefined, sizes: [1] };

  function failing(code: TensorFlowCode): { runs: number; run: Instance['run'] } {
    const instance = {
      runs: 0,
      run: () => {
        instance.runs += 1;
        return Promise.reject(new RunFailedError('the message', code));
      },
    };
    return instance;
  }

  test('is run once on made-up ones', async () => {
    const taken: (readonly Tensor[])[] = [];
    const run: Instance['run'] = ({ inputs }) => {
      taken.push(inputs((bytes) => new Uint8Array(bytes)));
      return Promise.resolve({ outputs: [], inferMs: 1 });
    };

    await warm({ run }, warmth);

    expect(taken).toMatchObject([[{ name: 'x', dtype: 'string', shape: [1] }]]);
  });

  test('serves although it refuses all of them', async () => {
    const instance = failing('INVALID_ARGUMENT');

    await expect(warm(instance, warmth)).resolves.toBeUndefined();
    expect(instance.runs).toBeGreaterThan(1);
  });

  test.each(['FAILED_PRECONDITION', 'NOT_FOUND', 'UNIMPLEMENTED'] as const)(
    'does not load when the model itself is at fault: %s',
    async (code) => {
      const instance = failing(code);

      await expect(warm(instance, warmth)).rejects.toThrow('the warm-up failed: the message');
      expect(instance.runs).toBe(1);
    },
  );
});
