import { modelConfigurationBody } from '../../../../src/http/oip/model-configuration';
import { modelMetadataBody } from '../../../../src/http/oip/model-metadata';
import type { ModelConfig } from '../../../../src/models/model-config';
import type { Servable } from '../../../../src/models/servable';
import { resolveServable } from '../../../../src/models/servable-spec';
import type { TensorSpec } from '../../../../src/kernel/tensor';

type Described = Pick<Servable, 'name' | 'spec' | 'device' | 'instances'>;

const SETTINGS = {
  instances: 2,
  maxBatchSize: 8,
  batchSizeSteps: 'powers-of-two',
  maxQueueDelayMs: 0.5,
  maxQueueSize: 16,
  queueTimeoutMs: 1000,
} as const;

function tensor(
  name: string,
  shape: readonly number[] | undefined,
  dtype: TensorSpec['dtype'] = 'float32',
  tfDtype = 'DT_FLOAT',
): TensorSpec {
  return { name, dtype, tfDtype, shape, node: `${name}:0` };
}

function described(
  inputs: TensorSpec[],
  outputs: TensorSpec[],
  rest: Partial<Described> = {},
  config: ModelConfig = { task: 'tensor' },
): Described {
  const signature = { inputs, outputs, methodName: 'tensorflow/serving/predict' };
  return {
    name: 'toy',
    spec: resolveServable(config, { serving_default: signature }, undefined, SETTINGS),
    device: 'cpu',
    instances: { ready: 2, total: 2, restarts: 0, residentBytes: 0 },
    ...rest,
  };
}

test('a model that batches has a batch size, and dims without the batch dimension', () => {
  const model = described(
    [tensor('x', [-1, 4, -1])],
    [tensor('y', [-1, 2], 'string', 'DT_STRING')],
  );

  expect(modelConfigurationBody({ versionPolicy: { latest: 2 } }, model)).toMatchObject({
    name: 'toy',
    platform: 'tensorflow_savedmodel',
    max_batch_size: 8,
    version_policy: { latest: { num_versions: 2 } },
    input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [4, -1] }],
    output: [{ name: 'y', data_type: 'TYPE_STRING', dims: [2] }],
    dynamic_batching: {
      preferred_batch_size: [1, 2, 4, 8],
      max_queue_delay_microseconds: 500,
      default_queue_policy: { default_timeout_microseconds: 1_000_000, max_queue_size: 16 },
    },
    instance_group: [{ kind: 'KIND_CPU', count: 2 }],
  });
});

test('a model that does not batch has a batch size of 0 and its shapes as they are', () => {
  const model = described([tensor('x', [1, 4])], [tensor('y', [])], { device: 'gpu' });

  const body = modelConfigurationBody({ versionPolicy: { specific: [3] } }, model);

  expect(body).toMatchObject({
    max_batch_size: 0,
    version_policy: { specific: { versions: [3] } },
    input: [{ dims: [1, 4] }],
    output: [{ dims: [] }],
    instance_group: [{ kind: 'KIND_GPU' }],
  });
  expect(body).not.toHaveProperty('dynamic_batching');
});

describe("an image model says where the channels are, as Triton's image clients want to know", () => {
  function ofImages(shape: number[], output: number[], layout: 'NHWC' | 'NCHW'): Described {
    return described(
      [tensor('x', shape)],
      [tensor('y', output)],
      {},
      {
        task: 'image-classification',
        input: { layout },
      },
    );
  }

  test.each([
    ['of any batch size, channels last', [-1, 8, 8, 3], [-1, 5], 'NHWC', 8, [8, 8, 3]],
    ['of any batch size, channels first', [-1, 3, 8, 8], [-1, 5], 'NCHW', 8, [3, 8, 8]],
    ['of one picture: batches of 1', [1, 8, 8, 3], [1, 5], 'NHWC', 1, [8, 8, 3]],
  ] as const)('%s', (_what, shape, output, layout, batch, dims) => {
    const model = ofImages([...shape], [...output], layout);

    expect(modelConfigurationBody({ versionPolicy: 'all' }, model)).toMatchObject({
      max_batch_size: batch,
      input: [{ name: 'x', format: `FORMAT_${layout}`, dims }],
    });
  });

  test('other inputs have no format', () => {
    const model = described([tensor('x', [-1, 8, 8, 3])], [tensor('y', [-1])]);

    expect(modelConfigurationBody({ versionPolicy: 'all' }, model)).toMatchObject({
      input: [{ format: 'FORMAT_NONE' }],
    });
  });
});

test('metadata names types that cannot be carried, and marks what is open with -1', () => {
  const model = described(
    [tensor('half', [-1], undefined, 'DT_HALF'), tensor('any', undefined)],
    [tensor('y', [-1, 3], 'int64', 'DT_INT64'), tensor('q', [-1], undefined, 'DT_QINT8')],
  );
  const servables = [
    { version: 1, state: 'END' },
    { version: 2, state: 'AVAILABLE' },
    { version: 3, state: 'LOADING' },
  ] as const;

  expect(modelMetadataBody({ servables }, model)).toEqual({
    name: 'toy',
    versions: ['2'],
    platform: 'tensorflow_savedmodel',
    inputs: [
      { name: 'half', datatype: 'FP16', shape: [-1] },
      { name: 'any', datatype: 'FP32', shape: [-1] },
    ],
    outputs: [
      { name: 'y', datatype: 'INT64', shape: [-1, 3] },
      { name: 'q', datatype: 'QINT8', shape: [-1] },
    ],
  });
});
