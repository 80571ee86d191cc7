import { ModelConfigError, parseModelConfig } from '../../../src/models/model-config';

function problemsOf(config: unknown): readonly string[] {
  try {
    parseModelConfig(typeof config === 'string' ? config : JSON.stringify(config));
  } catch (thrown) {
    if (thrown instanceof ModelConfigError) return thrown.problems;
    throw thrown;
  }
  return [];
}

test('an empty object is a complete model.json', () => {
  expect(parseModelConfig('{}')).toEqual({});
});

test('every key can be given', () => {
  const config = {
    task: 'image-classification',
    signature: 'serving_default',
    input: {
      name: 'x',
      width: 224,
      height: 224,
      fit: 'contain',
      kernel: 'lanczos3',
      cropFraction: 0.875,
      padColor: '#0A0b0C',
      colorOrder: 'bgr',
      layout: 'NCHW',
      normalization: { mean: [103.5, 116.3, 123.7], std: [57.4, 57.1, 58.4] },
    },
    output: {
      name: 'y',
      labels: 'labels.txt',
      activation: 'softmax',
      topK: 3,
    },
    batching: {
      maxBatchSize: 8,
      allowedBatchSizes: [1, 4, 8],
      maxQueueDelayMs: 2.5,
      maxQueueSize: 100,
      queueTimeoutMs: 500,
    },
    instances: 2,
    versionPolicy: { specific: [1, 3] },
    warmup: { enabled: false, iterations: 2, sizes: [[64, 32]] },
  };

  expect(parseModelConfig(JSON.stringify(config))).toEqual(config);
});

test('what is left out of dynamic and warmup has defaults', () => {
  expect(parseModelConfig('{"input": {"dynamic": {}}, "warmup": {}}')).toEqual({
    input: { dynamic: { minSize: 1, maxSize: 2048, multipleOf: 1 } },
    warmup: { enabled: true, iterations: 1 },
  });
});

test.each(['none', 'zero-to-one', 'minus-one-to-one', 'imagenet', { mean: [0], std: [1] }])(
  'the normalization %j is known',
  (normalization) => {
    expect(problemsOf({ input: { normalization } })).toEqual([]);
  },
);

test.each([{ latest: 2 }, { specific: [0, 7] }, 'all'])(
  'the version policy %j is known',
  (versionPolicy) => {
    expect(problemsOf({ versionPolicy })).toEqual([]);
  },
);

test('text that is not JSON is named as such', () => {
  expect(problemsOf('{"task": ')).toEqual([
    expect.stringMatching(/^model\.json is not JSON: /) as string,
  ]);
});

test('JSON that is not an object is refused', () => {
  expect(problemsOf('[]')).toEqual([expect.stringMatching(/^model\.json: .*object/) as string]);
});

test('every problem is told at once, each with its path', () => {
  const problems = problemsOf({
    task: 'text-to-image',
    input: { width: 0, padColor: 'red' },
    output: { topK: 1.5 },
    instances: 65,
  });

  expect(problems.map((problem) => problem.split(':')[0])).toEqual([
    'model.json.task',
    'model.json.input.width',
    'model.json.input.padColor',
    'model.json.instances',
    'model.json.output.topK',
  ]);
  expect(problems).toContain('model.json.input.padColor: must be a colour such as #000000');
});

test('what belongs to another task is refused', () => {
  expect(problemsOf({ task: 'image-to-image', output: { topK: 3 }, threshold: 0.5 })).toEqual([
    'model.json.output: unknown key "topK"',
    'model.json: unknown key "threshold"',
  ]);
  expect(problemsOf({ output: { valueRange: [1, 0] } })).toEqual([
    'model.json.output.valueRange: must be [low, high]',
  ]);
});

test('unknown keys are named where they are', () => {
  expect(problemsOf({ maxBatchSize: 8, input: { widht: 1, heigth: 2 } })).toEqual([
    'model.json.input: unknown keys "widht", "heigth"',
    'model.json: unknown key "maxBatchSize"',
  ]);
});

test.each([
  [{ input: { dynamic: { minSize: 9, maxSize: 8 } } }, 'input.dynamic: minSize is above maxSize'],
  [{ batching: { allowedBatchSizes: [1, 4, 4] } }, 'batching.allowedBatchSizes: must ascend'],
  [{ input: { cropFraction: 0 } }, 'input.cropFraction: '],
  [{ input: { width: 20_000 } }, 'input.width: '],
  [{ warmup: { sizes: [[64]] } }, 'warmup.sizes.0'],
  [{ versionPolicy: 'newest' }, 'versionPolicy: '],
  [{ versionPolicy: { latest: 0 } }, 'versionPolicy.latest: '],
  [{ versionPolicy: { specific: [] } }, 'versionPolicy.specific: '],
  [{ batching: { maxBatchSize: 'many' } }, 'batching.maxBatchSize: '],
  [{ batching: { maxBatch: 8 } }, 'batching: unknown key "maxBatch"'],
])('%j is refused', (config, problem) => {
  expect(problemsOf(config)).toEqual([expect.stringContaining(`model.json.${problem}`) as string]);
});

test.each([
  [{ mean: [1, 2, 3], std: [1] }, 'mean and std differ in length'],
  [{ mean: [1], std: [0] }, 'must be above 0'],
])('the normalization %j is refused with its reason', (normalization, reason) => {
  expect(problemsOf({ input: { normalization } })).toEqual([
    expect.stringMatching(new RegExp(`^model\\.json\\.input\\.normalization.*${reason}`)) as string,
  ]);
});

test('the error shows all problems in its message', () => {
  expect(() => parseModelConfig('{"task": 1, "instances": 0}')).toThrow(
    /model\.json\.task.*; model\.json\.instances/,
  );
});
