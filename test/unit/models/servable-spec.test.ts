import { ModelConfigError, type ModelConfig } from '../../../src/models/model-config';
import {
  resolveServable,
  type ServableDefaults,
  type ServableSpec,
} from '../../../src/models/servable-spec';
import type { DType } from '../../../src/kernel/element-types';
import type { Signature, TensorSpec } from '../../../src/kernel/tensor';

const DEFAULTS: ServableDefaults = {
  maxBatchSize: 8,
  batchSizeSteps: 'powers-of-two',
  maxQueueDelayMs: 3,
  maxQueueSize: 256,
  queueTimeoutMs: 30_000,
  instances: 2,
};

const TF_DTYPES: Partial<Record<DType, string>> = {
  float32: 'DT_FLOAT',
  uint8: 'DT_UINT8',
  int32: 'DT_INT32',
};

function spec(
  name: string,
  shape: readonly number[] | undefined,
  dtype: DType | undefined = 'float32',
): TensorSpec {
  const tfDtype = TF_DTYPES[dtype] ?? `DT_${dtype.toUpperCase()}`;
  return { name, dtype, tfDtype, shape, node: `${name}:0` };
}

function signature(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[]): Signature {
  return { inputs, outputs, methodName: 'tensorflow/serving/predict' };
}

const CLASSES = spec('scores', [-1, 10]);
/** As the graph of a classifier has it. */
const SOFTMAX = new Map([['scores:0', 'Softmax']]);
const PICTURE = spec('y', [-1, -1, -1, 3]);
const IMAGE = spec('x', [-1, 224, 160, 3]);
const ANY_SIZE = spec('x', [-1, -1, -1, 3]);

function resolve(
  config: ModelConfig,
  input: TensorSpec | readonly TensorSpec[] = IMAGE,
  output: TensorSpec = CLASSES,
  labels?: readonly string[],
  operations?: ReadonlyMap<string, string>,
): ServableSpec {
  const inputs = Array.isArray(input) ? (input as readonly TensorSpec[]) : [input as TensorSpec];
  return resolveServable(
    config,
    { serving_default: signature(inputs, [output]) },
    labels,
    DEFAULTS,
    { operations },
  );
}

function problemsOf(...given: Parameters<typeof resolve>): readonly string[] {
  try {
    resolve(...given);
  } catch (thrown) {
    if (thrown instanceof ModelConfigError) return thrown.problems;
    throw thrown;
  }
  return [];
}

test('a classifier without a model.json is served with what its signature says', () => {
  const servable = resolve({}, IMAGE, CLASSES, undefined, SOFTMAX);

  expect(servable).toMatchObject({
    task: 'image-classification',
    signatureName: 'serving_default',
    image: {
      inputName: 'x',
      size: { kind: 'fixed', width: 160, height: 224 },
      fit: 'cover',
      padColor: '#000000',
      shrinkOnLoad: true,
      kernel: 'cubic',
      cropFraction: 1,
      colorOrder: 'rgb',
      layout: 'NHWC',
      dtype: 'float32',
      normalization: 'zero-to-one',
    },
    output: { name: 'scores' },
    settings: { name: 'scores', activation: 'none', topK: 5 },
    labels: undefined,
    batchable: true,
    batching: {
      maxBatchSize: 8,
      allowedBatchSizes: [1, 2, 4, 8],
      maxQueueDelayMs: 3,
      maxQueueSize: 256,
      queueTimeoutMs: 30_000,
      batchable: true,
    },
    instances: 2,
    warmup: { enabled: true, iterations: 1, sizes: [] },
  });
  expect(servable.assumptions).toEqual([
    'input.normalization: zero-to-one (pixel values divided by 255)',
    'task: image-classification, as the image model answers "scores" of shape [?, 10]',
    'output.activation: none, the scores are answered as the model gives them',
  ]);
});

test('TensorFlow’s kernels decode pictures as a whole', () => {
  const kernel = 'tf-bilinear';

  expect(resolve({ input: { kernel } }, IMAGE, CLASSES, undefined, SOFTMAX).image).toMatchObject({
    kernel,
    shrinkOnLoad: false,
  });
  expect(
    problemsOf({ input: { kernel, shrinkOnLoad: true } }, IMAGE, CLASSES, undefined, SOFTMAX),
  ).toEqual([
    'model.json.input.shrinkOnLoad: tf-bilinear looks at the pixels of the whole picture: leave it out, or choose another kernel',
  ]);
});

test('a complete model.json leaves nothing to assume, and all of it holds', () => {
  const config: ModelConfig = {
    task: 'image-classification',
    signature: 'serving_default',
    input: {
      name: 'x',
      width: 160,
      height: 224,
      fit: 'contain',
      kernel: 'nearest',
      cropFraction: 0.875,
      padColor: '#ffffff',
      shrinkOnLoad: true,
      colorOrder: 'bgr',
      layout: 'NHWC',
      normalization: 'imagenet',
    },
    output: { name: 'scores', activation: 'softmax', topK: 3 },
    batching: {
      maxBatchSize: 6,
      allowedBatchSizes: [1, 6],
      maxQueueDelayMs: 0,
      maxQueueSize: 9,
      queueTimeoutMs: 50,
    },
    instances: 1,
    warmup: { enabled: false, iterations: 4, sizes: [[8, 8]] },
  };
  const labels = Array.from({ length: 10 }, (_, i) => `label ${i}`);
  const { name, ...input } = config.input ?? {};

  const servable = resolve(config, IMAGE, CLASSES, labels);

  const { width, height, ...image } = input;
  expect(servable.assumptions).toEqual([]);
  expect(servable.image).toEqual({
    inputName: name,
    ...image,
    size: { kind: 'fixed', width, height },
    dtype: 'float32',
  });
  expect(servable).toMatchObject({ output: { name: 'scores' }, settings: config.output });
  expect(servable.batching).toEqual({ ...config.batching, batchable: true });
  expect(servable).toMatchObject({ instances: 1, warmup: config.warmup, labels });
});

describe('the signature', () => {
  const a = signature([spec('a', [-1])], [spec('y', [-1])]);
  const b = signature([spec('b', [-1])], [spec('y', [-1])]);

  test('is serving_default where there is one', () => {
    const servable = resolveServable({}, { a, serving_default: b }, undefined, DEFAULTS);

    expect(servable).toMatchObject({ signatureName: 'serving_default', signature: b });
  });

  test('is the only one there is, which is said', () => {
    const servable = resolveServable({}, { a }, undefined, DEFAULTS);

    expect(servable.signatureName).toBe('a');
    expect(servable.assumptions).toContain('signature: "a", the only one there is');
  });

  test('is the one of model.json', () => {
    expect(resolveServable({ signature: 'b' }, { a, b }, undefined, DEFAULTS).signature).toBe(b);
  });

  test('is one that predicts where there are several and no serving_default, which is said', () => {
    const regress = { ...a, methodName: 'tensorflow/serving/regress' };
    const servable = resolveServable({}, { regress, z: b, y: b }, undefined, DEFAULTS);

    expect(servable).toMatchObject({ signatureName: 'y', signature: b });
    expect(servable.assumptions).toContain(
      'signature: "y" of "regress", "y", "z", as there is no "serving_default"; model.json.signature can name another',
    );
  });

  test('that is not there is refused with those there are', () => {
    expect(() => resolveServable({ signature: 'c' }, { a, b }, undefined, DEFAULTS)).toThrow(
      'model.json.signature: there is no signature "c"; the model has "a", "b"',
    );
  });

  test('with an input that nothing can be fed to is refused', () => {
    const sparse = { ...spec('s', [-1]), dtype: undefined, tfDtype: 'DT_FLOAT', node: '' };

    expect(problemsOf({}, [sparse])).toEqual([
      'signature "serving_default": input "s" is sparse or made of several tensors, which cannot be carried; model.json.signature can name another',
    ]);
  });

  test('is answered by its first output that can be', () => {
    const variant = { ...spec('a', [-1]), dtype: undefined, tfDtype: 'DT_VARIANT' };
    const outputs = [variant, spec('b', [-1, 3], 'complex64'), spec('c', [-1, 3])];
    const servable = resolveServable(
      {},
      { serving_default: signature([spec('x', [-1])], outputs) },
      undefined,
      DEFAULTS,
    );

    expect(servable.output.name).toBe('c');
  });

  test('that model.json names is not replaced by the only one there is', () => {
    expect(() => resolveServable({ signature: 'c' }, { a }, undefined, DEFAULTS)).toThrow(
      'there is no signature "c"',
    );
  });
});

describe('the task', () => {
  test.each<[string, TensorSpec, TensorSpec, string]>([
    ['an image and a matrix', IMAGE, CLASSES, 'tensor'],
    ['an image and a picture', ANY_SIZE, PICTURE, 'image-to-image'],
    ['an image and channels first', ANY_SIZE, spec('y', [-1, 3, -1, -1]), 'image-to-image'],
    ['an image and features', IMAGE, spec('y', [-1, 7, 7, 1280]), 'tensor'],
    ['an image and a mask of integers', IMAGE, spec('y', [-1, 224, 160, 1], 'int64'), 'tensor'],
    ['an image and an unknown rank', IMAGE, spec('y', undefined), 'tensor'],
    ['no image', spec('x', [-1, 4]), CLASSES, 'tensor'],
  ])('of %s is inferred and said', (_, input, output, task) => {
    const servable = resolve({}, input, output);

    expect(servable.task).toBe(task);
    expect(servable.assumptions.filter((sentence) => sentence.startsWith('task: '))).toEqual([
      expect.stringContaining(`task: ${task}, as the `),
    ]);
  });

  test.each<[string, ModelConfig, readonly string[] | undefined, ReadonlyMap<string, string>]>([
    ['a softmax at its end', {}, undefined, SOFTMAX],
    ['labels', {}, Array.from({ length: 10 }, (_, i) => `label ${i}`), new Map()],
    ['an activation', { output: { activation: 'softmax' } }, undefined, new Map()],
  ])('of an image and a vector is classification with %s', (_, config, labels, operations) => {
    expect(resolve(config, IMAGE, CLASSES, labels, operations).task).toBe('image-classification');
  });

  test('of an embedding says what would make a classifier of it', () => {
    expect(resolve({}).assumptions).toContainEqual(
      expect.stringContaining(
        'without labels and without a softmax at its end: "task": "image-classification" would',
      ),
    );
  });

  test.each<[string, TensorSpec]>([
    ['a vector', spec('y', [-1, 128])],
    ['features', spec('y', [-1, 7, 7, 1280])],
    ['a mask of integers', spec('y', [-1, 64, 64, 1], 'int32')],
  ])('image-to-image is refused for %s', (_, output) => {
    expect(problemsOf({ task: 'image-to-image' }, IMAGE, output)).toEqual([
      expect.stringMatching(
        /^the task image-to-image needs pictures, and output "y" .* holds none/,
      ),
    ]);
  });

  test('of model.json holds without an assumption', () => {
    const servable = resolve({ task: 'image-to-image' }, IMAGE, spec('y', [-1, -1, -1, -1]));

    expect(servable.task).toBe('image-to-image');
    expect(servable.assumptions.join()).not.toContain('task:');
  });

  test('that needs an image is refused for a model that takes none', () => {
    expect(problemsOf({ task: 'image-classification' }, spec('x', [-1, 4]))).toEqual([
      'the task image-classification needs an image input, and the signature has none: "x" DT_FLOAT [?, 4]',
    ]);
  });

  test('tensor takes an input that looks like an image as it is', () => {
    const servable = resolve({ task: 'tensor' });

    expect(servable).toMatchObject({ task: 'tensor', image: undefined, assumptions: [] });
  });
});

describe('the image input', () => {
  test.each<[string, TensorSpec | readonly TensorSpec[]]>([
    ['two inputs', [IMAGE, spec('z', [-1])]],
    ['three dimensions', spec('x', [-1, 224, 3])],
    ['an unknown rank', spec('x', undefined)],
    ['five channels', spec('x', [-1, 224, 224, 5])],
    ['strings', spec('x', [-1, 8, 8, 3], 'string')],
  ])('is not inferred from %s', (_, input) => {
    expect(resolve({}, input).image).toBeUndefined();
  });

  test.each<[string, readonly number[], object]>([
    ['channels last', [-1, 8, 9, 3], { layout: 'NHWC', size: { width: 9, height: 8 } }],
    ['channels first', [-1, 3, 8, 9], { layout: 'NCHW', size: { width: 9, height: 8 } }],
    ['three rows and channels', [-1, 3, 8, 3], { layout: 'NHWC', size: { width: 8, height: 3 } }],
    ['one channel', [-1, 8, 9, 1], { layout: 'NHWC', colorOrder: 'grayscale' }],
    ['one channel first', [-1, 1, 8, 9], { layout: 'NCHW', colorOrder: 'grayscale' }],
  ])('of %s has its layout and colours from the shape', (_, shape, image) => {
    expect(resolve({}, spec('x', shape)).image).toMatchObject(image);
  });

  test('of unknown shape is taken as NHWC when model.json says it is an image', () => {
    const servable = resolve({ input: { width: 8, height: 9 } }, spec('x', undefined));

    expect(servable.image).toMatchObject({ layout: 'NHWC', size: { width: 8, height: 9 } });
    expect(servable.batchable).toBe(false);
  });

  test.each<[DType, unknown]>([
    ['float32', 'zero-to-one'],
    ['uint8', 'none'],
    ['int32', 'none'],
  ])('of %s is normalised as %j, and only a guess is said', (dtype, normalization) => {
    const servable = resolve({}, spec('x', [-1, 8, 8, 3], dtype));

    expect(servable.image).toMatchObject({ dtype, normalization });
    expect(servable.assumptions.join().includes('input.normalization')).toBe(dtype === 'float32');
  });

  test.each<[string, ModelConfig['input'], TensorSpec | readonly TensorSpec[], string]>([
    [
      'a name that is not there',
      { name: 'z' },
      IMAGE,
      'model.json.input.name: there is no tensor "z"; the signature has "x" DT_FLOAT [?, 224, 160, 3]',
    ],
    [
      'a second input',
      {},
      [IMAGE, spec('z', [-1])],
      'an image model takes one input, and the signature has "x" DT_FLOAT [?, 224, 160, 3], "z" DT_FLOAT [?]: model.json.inputs says of several what each is',
    ],
    [
      'a type that is no pixel',
      {},
      spec('x', [-1, 8, 8, 3], 'string'),
      'input "x" is DT_STRING; images become DT_FLOAT, DT_UINT8 or DT_INT32',
    ],
    [
      'three dimensions',
      {},
      spec('x', [-1, 8, 3]),
      'input "x" has shape [?, 8, 3]; an image batch has 4 dimensions',
    ],
    [
      'colours that the channels do not hold',
      { colorOrder: 'grayscale' },
      IMAGE,
      'model.json.input: grayscale in NHWC gives 1 channels, and input "x" has shape [?, 224, 160, 3]',
    ],
    [
      'the other layout',
      { layout: 'NCHW', width: 3, height: 160 },
      IMAGE,
      'model.json.input: rgb in NCHW gives 3 channels, and input "x" has shape [?, 224, 160, 3]',
    ],
    [
      'means for other channels',
      { normalization: { mean: [1, 2], std: [1, 2] } },
      IMAGE,
      'model.json.input.normalization: mean and std need 1 or 3 values',
    ],
    [
      'normalised bytes',
      { normalization: 'imagenet' },
      spec('x', [-1, 8, 8, 3], 'uint8'),
      'model.json.input.normalization: input "x" is DT_UINT8 and takes pixels as they are ("none")',
    ],
    [
      'another width',
      { width: 100 },
      IMAGE,
      'model.json.input.width: 100, and input "x" has shape [?, 224, 160, 3]',
    ],
    [
      'another height',
      { height: 100 },
      IMAGE,
      'model.json.input.height: 100, and input "x" has shape [?, 224, 160, 3]',
    ],
    [
      'half a size',
      { width: 100 },
      ANY_SIZE,
      'model.json.input: give both width and height, or neither',
    ],
    [
      'any size where the signature has one',
      { dynamic: { minSize: 1, maxSize: 9, multipleOf: 1 } },
      IMAGE,
      'model.json.input.dynamic: the size is fixed in the signature, [?, 224, 160, 3]',
    ],
    [
      'any size and a size',
      { width: 8, height: 8, dynamic: { minSize: 1, maxSize: 9, multipleOf: 1 } },
      ANY_SIZE,
      'model.json.input.dynamic: the size is fixed by width or height',
    ],
  ])('with %s is refused', (_, input = {}, tensors, problem) => {
    expect(problemsOf({ task: 'image-classification', input }, tensors)).toContain(problem);
  });

  test.each<[ModelConfig['input'], object]>([
    [{ normalization: { mean: [1], std: [2] } }, { normalization: { mean: [1], std: [2] } }],
    [{ width: 160, height: 224 }, { size: { kind: 'fixed', width: 160, height: 224 } }],
    [{ width: 160 }, { size: { kind: 'fixed', width: 160, height: 224 } }],
  ])('with %j agrees with its signature', (input = {}, image) => {
    expect(resolve({ input }).image).toMatchObject(image);
  });
});

describe('the size of images', () => {
  test('that is open in the signature is any, which is said', () => {
    const servable = resolve({}, ANY_SIZE, PICTURE);

    expect(servable.image?.size).toEqual({
      kind: 'dynamic',
      minSize: 1,
      maxSize: 2048,
      multipleOf: 1,
    });
    expect(servable.assumptions).toContain(
      'input size: any from 1 to 2048 pixels a side, as the signature has [?, ?, ?, 3]',
    );
  });

  test('that model.json leaves open within limits is no assumption', () => {
    const dynamic = { minSize: 16, maxSize: 512, multipleOf: 8 };
    const servable = resolve({ input: { dynamic } }, ANY_SIZE, PICTURE);

    expect(servable.image?.size).toEqual({ kind: 'dynamic', ...dynamic });
    expect(servable.assumptions.join()).not.toContain('input size');
  });

  test.each([
    [{ minSize: 1, maxSize: 2048, multipleOf: 1 }, 64],
    [{ minSize: 100, maxSize: 2048, multipleOf: 1 }, 100],
    [{ minSize: 1, maxSize: 32, multipleOf: 1 }, 32],
    [{ minSize: 1, maxSize: 2048, multipleOf: 48 }, 96],
  ])('%j is warmed up with a side of %p', (dynamic, side) => {
    expect(resolve({ input: { dynamic } }, ANY_SIZE, PICTURE).warmup.sizes).toEqual([[side, side]]);
  });
});

describe('the output', () => {
  test.each<[TensorSpec, readonly [number, number]]>([
    [PICTURE, [0, 1]],
    [spec('y', [-1, 8, 8, 3], 'uint8'), [0, 255]],
  ])('$dtype has its value range', (output, valueRange) => {
    expect(resolve({}, ANY_SIZE, output).settings).toMatchObject({ valueRange });
  });

  test.each<[string, TensorSpec, TensorSpec, string]>([
    ['its own shape', ANY_SIZE, spec('y', [-1, 3, -1, -1]), 'NCHW'],
    [
      'the input where its own says nothing',
      spec('x', [-1, 3, 8, 8]),
      spec('y', undefined),
      'NCHW',
    ],
  ])('has its layout from %s', (_, input, output, layout) => {
    const { settings } = resolve({ task: 'image-to-image' }, input, output);
    expect(settings).toMatchObject({ layout });
  });

  test('is the one of model.json, and one that is not there is refused', () => {
    const signatures = { serving_default: signature([IMAGE], [CLASSES, spec('other', [-1, 4])]) };

    expect(
      resolveServable({ output: { name: 'other' } }, signatures, undefined, DEFAULTS).output.name,
    ).toBe('other');
    expect(() =>
      resolveServable({ output: { name: 'z' } }, signatures, undefined, DEFAULTS),
    ).toThrow(
      'model.json.output.name: there is no tensor "z"; the signature has "scores" DT_FLOAT [?, 10], "other" DT_FLOAT [?, 4]',
    );
  });

  test('of a type that cannot be carried is refused', () => {
    const half: TensorSpec = { ...CLASSES, dtype: undefined, tfDtype: 'DT_HALF' };

    expect(problemsOf({}, IMAGE, half)).toEqual([
      'output "scores" has type DT_HALF, which cannot be carried',
    ]);
  });

  test('of strings is answered as tensors only', () => {
    const strings = spec('scores', [-1, 10], 'string');

    expect(problemsOf({ task: 'image-classification' }, IMAGE, strings)).toEqual([
      'output "scores" has type DT_STRING, which cannot be answered',
    ]);
    expect(problemsOf({ task: 'tensor' }, IMAGE, strings)).toEqual([]);
  });

  test('needs as many labels as classes, where their number is known', () => {
    expect(problemsOf({}, IMAGE, CLASSES, ['cat', 'dog'])).toEqual([
      'model.json.output.labels: 2 labels, and output "scores" has 10 classes',
    ]);
    expect(problemsOf({}, IMAGE, spec('scores', [-1, -1]), ['cat', 'dog'])).toEqual([]);
  });

  test('has its activation said unless it is given', () => {
    const sentence = expect.stringContaining('output.activation: none') as string;

    expect(resolve({ task: 'image-classification' }).assumptions).toContainEqual(sentence);
    expect(resolve({ output: { activation: 'none' } }).assumptions).not.toContainEqual(sentence);
    expect(resolve({}, ANY_SIZE, PICTURE).assumptions).not.toContainEqual(sentence);
  });
});

describe('batching', () => {
  test.each<[string, TensorSpec, TensorSpec]>([
    ['a fixed first dimension of the input', spec('x', [1, 8, 8, 3]), CLASSES],
    ['a fixed first dimension of the output', IMAGE, spec('scores', [1, 10])],
    ['a scalar', spec('x', []), CLASSES],
  ])('is off for %s', (_, input, output) => {
    expect(resolve({}, input, output)).toMatchObject({
      batchable: false,
      batching: { batchable: false, maxBatchSize: 1, allowedBatchSizes: [1] },
    });
  });

  test('is left to the examination of rows where the rank of an output is unknown', () => {
    expect(resolve({}, IMAGE, spec('scores', undefined)).batchable).toBe(true);
  });

  test('cannot be asked for where the signature has none', () => {
    expect(problemsOf({ batching: { maxBatchSize: 4 } }, spec('x', [1, 8, 8, 3]))).toEqual([
      'model.json.batching.maxBatchSize: the first dimension is not open in every input and output, so the model cannot be batched',
    ]);
    expect(problemsOf({ batching: { maxBatchSize: 1 } }, spec('x', [1, 8, 8, 3]))).toEqual([]);
  });

  test('takes its limit from the allowed sizes', () => {
    expect(resolve({ batching: { allowedBatchSizes: [1, 3] } }).batching).toMatchObject({
      maxBatchSize: 3,
      allowedBatchSizes: [1, 3],
    });
  });

  test('takes its allowed sizes from the limit', () => {
    expect(resolve({ batching: { maxBatchSize: 6 } }).batching.allowedBatchSizes).toEqual([
      1, 2, 4, 6,
    ]);
  });

  test('refuses allowed sizes that end elsewhere than at the limit', () => {
    expect(problemsOf({ batching: { maxBatchSize: 8, allowedBatchSizes: [1, 4] } })).toEqual([
      'model.json.batching.allowedBatchSizes: the last, 4, must be maxBatchSize, 8',
    ]);
  });
});

test('all contradictions are told at once', () => {
  const problems = problemsOf(
    {
      task: 'image-classification',
      input: { width: 8, colorOrder: 'grayscale' },
      batching: { maxBatchSize: 8, allowedBatchSizes: [1, 4] },
    },
    IMAGE,
    CLASSES,
    ['cat'],
  );

  expect(problems.map((problem) => problem.split(':')[0])).toEqual([
    'model.json.input',
    'model.json.input.width',
    'model.json.output.labels',
    'model.json.batching.allowedBatchSizes',
  ]);
});
