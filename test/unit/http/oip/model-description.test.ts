import { modelConfigurationBody } from '../../../../src/http/oip/model-configuration';
import { modelMetadataBody } from '../../../../src/http/oip/model-metadata';
import type { Servable } from '../../../../src/models/servable';
import { resolveServable } from '../../../../src/models/servable-spec';
import type { TensorSpec } from '../../../../src/kernel/tensor';

type Described = Pick<Servable, 'name' | 'spec' | 'device' | 'instances'>;

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
): Described {
  const signature = { inputs, outputs, methodName: 'tensorflow/serving/predict' };
  return {
    name: 'toy',
    spec: resolveServable({ task: 'tensor' }, { serving_default: signature }, undefined, {
      instances: 2,
      maxBatchSize: 8,
      batchSizeSteps: 'powers-of-two',
      maxQueueDelayMs: 0.5,
      maxQueueSize: 16,
      queueTimeoutMs: 1000,
    }),
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
