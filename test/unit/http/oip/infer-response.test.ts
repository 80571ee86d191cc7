import {
  inferResponse,
  type InferResponse,
  type ResponseForm,
} from '../../../../src/http/oip/infer-response';
import type { TensorAnswer } from '../../../../src/inference/tensor-request';
import { resolveServable } from '../../../../src/models/servable-spec';
import type { Tensor } from '../../../../src/kernel/tensor';
import { atOnce } from '../../../../src/kernel/time-slices';
import { floats, strings } from '../../../support/tensors';

const JSON_FORM: ResponseForm = {
  id: undefined,
  outputs: undefined,
  binary: false,
};

function parsed({ json }: InferResponse): any {
  return JSON.parse([...json].join(''));
}

function answered(
  output: Tensor,
  shape: readonly number[],
  labels?: readonly string[],
): TensorAnswer {
  const tensors = [
    { name: output.name, dtype: output.dtype, tfDtype: 'DT_FLOAT', shape, node: 'y:0' },
  ];
  const signature = { inputs: tensors, outputs: tensors, methodName: '' };
  const spec = resolveServable({ task: 'tensor' }, { serving_default: signature }, labels, {
    instances: 1,
    maxBatchSize: 8,
    batchSizeSteps: 'fine',
    maxQueueDelayMs: 0,
    maxQueueSize: 16,
    queueTimeoutMs: 1000,
  });
  return {
    target: {
      model: 'm',
      version: 4,
      independentRows: true,
      signatureName: 'serving_default',
      signature,
      spec,
      imageInput: undefined,
    },
    outputs: [output],
    timings: { preprocessMs: 0, queueMs: 0, inferMs: 0, postprocessMs: 0 },
    batchRows: 1,
  };
}

function classification(
  output: Tensor,
  shape: readonly number[],
  labels?: string[],
  classes = 2,
): any {
  const outputs = [{ name: output.name, parameters: { classification: classes } }];
  const response = atOnce(
    inferResponse(answered(output, shape, labels), { ...JSON_FORM, outputs }),
  );
  return parsed(response).outputs[0];
}

test('the best classes of each row, with their labels', () => {
  const scores = floats('y', [2, 3], [0.1, 0.7, -3, 5, 5, 6]);

  expect(classification(scores, [-1, 3], ['a', 'b', 'c'])).toEqual({
    name: 'y',
    datatype: 'BYTES',
    shape: [2, 2],
    data: ['0.7:1:b', '0.1:0:a', '6.0:2:c', '5.0:0:a'],
  });
});

test('one list for a model without a batch dimension, and no more classes than there are', () => {
  expect(classification(floats('y', [1], [0.5]), [1])).toMatchObject({
    shape: [1],
    data: ['0.5:0'],
  });
});

test('many classes come in the same order as few', () => {
  const scores = floats(
    'y',
    [1, 5000],
    Array.from({ length: 5000 }, (_, i) => (i * 7919) % 1000),
  );

  const many = classification(scores, [-1, 5000], undefined, 5000).data;

  expect(many).toHaveLength(5000);
  expect(many.slice(0, 64)).toEqual(classification(scores, [-1, 5000], undefined, 64).data);
  expect(many.at(-1)).toMatch(/^0\.0:/);
});

test('whole numbers are ranked too, in 64 bits as well', () => {
  const votes: Tensor = {
    name: 'y',
    dtype: 'int64',
    shape: [1, 3],
    data: BigInt64Array.of(4n, -1n, 9n),
  };

  expect(classification(votes, [-1, 3]).data).toEqual(['9:2', '4:0']);
});

test('what has no order is not ranked', () => {
  const text: Tensor = { name: 'y', dtype: 'string', shape: [1, 1], data: strings('a') };

  expect(() => classification(text, [-1, 1])).toThrow(/output "y" of type string/);
  expect(() => classification(floats('y', [1, 2], [NaN, 1]), [-1, 2])).toThrow(/not numbers/);
});

test('a binary tensor is the memory of the output itself', () => {
  const memory = Float32Array.of(9, 1, 2, 9);
  const output: Tensor = { name: 'y', dtype: 'float32', shape: [2], data: memory.subarray(1, 3) };

  const response = atOnce(inferResponse(answered(output, [-1]), { ...JSON_FORM, binary: true }));

  expect(parsed(response).outputs[0].parameters).toEqual({ binary_data_size: 8 });
  expect(response.binary).toEqual([{ tensor: output, bytes: 8 }]);
  expect(response.binary[0]?.tensor.data).toBe(output.data);
});

test('names and ids are escaped', () => {
  const response = atOnce(
    inferResponse(answered(floats('y"', [1], [1]), [-1]), { ...JSON_FORM, id: 'a"\n' }),
  );

  expect(parsed(response)).toMatchObject({ id: 'a"\n', outputs: [{ name: 'y"' }] });
});
