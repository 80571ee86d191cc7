import type { TensorSpec } from '../../../../src/kernel/tensor';
import type { InputsConfig } from '../../../../src/tasks/inputs/input-config';
import type { ModelInputs } from '../../../../src/tasks/inputs/model-inputs';
import { resolveInputs, type InputSources } from '../../../../src/tasks/inputs/resolve-inputs';

const TYPES = {
  DT_FLOAT: 'float32',
  DT_INT32: 'int32',
  DT_INT64: 'int64',
  DT_STRING: 'string',
} as const;

function spec(name: string, tfDtype: keyof typeof TYPES, shape: readonly number[]): TensorSpec {
  return { name, tfDtype, dtype: TYPES[tfDtype], shape, node: `${name}:0` };
}

const PHOTO = spec('x', 'DT_FLOAT', [-1, 8, 8, 3]);

interface Resolved {
  readonly inputs: ModelInputs;
  readonly problems: readonly string[];
  readonly assumptions: readonly string[];
}

function resolve(
  inputs: InputsConfig | undefined,
  specs: readonly TensorSpec[],
  more: Partial<InputSources> & { readonly task?: string } = {},
): Resolved {
  const problems: string[] = [];
  const assumptions: string[] = [];
  const { task, ...sources } = more;
  const found = resolveInputs(
    {
      config: { inputs, task },
      signature: { inputs: specs, outputs: [], methodName: '' },
      labels: new Map(),
      decoded: undefined,
      reserved: ['top'],
      ...sources,
    },
    { problem: (text) => problems.push(text), assumption: (text) => assumptions.push(text) },
  );
  return { inputs: found, problems, assumptions };
}

test('each role has its input, in the shape of one row', () => {
  const { inputs, problems } = resolve(
    {
      content: { name: 'x', image: {} },
      mask: { image: { default: '#ffffff' } },
      strength: { number: { minimum: 0, maximum: 1 } },
      weights: { numbers: { length: 3, default: 0.5 } },
      class: { label: { labels: ['cat', 'dog'], default: 'dog' } },
      hot: { label: { classes: 4 } },
      prompt: { text: { maxLength: 5 } },
      z: { noise: { distribution: 'uniform', minimum: -1, shape: [2, 3] } },
      seed: { seed: {} },
    },
    [
      PHOTO,
      spec('mask', 'DT_FLOAT', [-1, 8, 8, 1]),
      spec('strength', 'DT_FLOAT', []),
      spec('weights', 'DT_FLOAT', [-1, 1, 1, 3]),
      spec('class', 'DT_INT64', [-1]),
      spec('hot', 'DT_FLOAT', [-1, 4]),
      spec('prompt', 'DT_STRING', [-1, 1]),
      spec('z', 'DT_FLOAT', [-1, -1, -1]),
      spec('seed', 'DT_INT32', [2]),
    ],
  );

  expect(problems).toEqual([]);
  expect(inputs.uploadRole).toBe('content');
  expect(inputs.image).toMatchObject({ inputName: 'x', size: { width: 8 } });
  expect(inputs.more).toMatchObject([
    { kind: 'image', role: 'mask', fallback: '#ffffff', spec: { colorOrder: 'grayscale' } },
    { kind: 'number', shape: [], integer: false, minimum: 0, maximum: 1, fallback: undefined },
    { kind: 'numbers', shape: [1, 1, 1, 3], fallback: [0.5, 0.5, 0.5] },
    { kind: 'label', shape: [1], form: 'index', classes: 2, fallback: 1 },
    { kind: 'label', shape: [1, 4], form: 'one-hot', classes: 4 },
    { kind: 'text', shape: [1, 1], maxLength: 5 },
    { kind: 'noise', shape: [1, 2, 3], draw: { distribution: 'uniform', minimum: -1, maximum: 1 } },
    { kind: 'seed', shape: [2] },
  ]);
});

const NUMBER = spec('a', 'DT_FLOAT', [-1]);

test.each<[string, InputsConfig, readonly TensorSpec[], string]>([
  [
    'a tensor that is not there',
    { b: { number: {} } },
    [NUMBER],
    'model.json.inputs.b: there is no tensor "b"; the signature has "a" DT_FLOAT [?]',
  ],
  [
    'an input without a role',
    { a: { number: {} } },
    [NUMBER, PHOTO],
    'model.json.inputs: input "x" DT_FLOAT [?, 8, 8, 3] has no role',
  ],
  [
    'two roles of one input',
    { a: { number: {} }, b: { name: 'a', number: {} } },
    [NUMBER],
    'model.json.inputs.b: takes input "a", as a does',
  ],
  [
    'a name that means something else',
    { top: { name: 'a', number: {} } },
    [NUMBER],
    'model.json.inputs.top: means something else in a request; choose another role and give "name": "a"',
  ],
  [
    'several elements for one number',
    { a: { number: {} } },
    [spec('a', 'DT_FLOAT', [-1, 2])],
    'model.json.inputs.a.number: one element a row, and input "a" has shape [?, 2]',
  ],
  [
    'another length',
    { a: { numbers: { length: 3 } } },
    [spec('a', 'DT_FLOAT', [-1, 2])],
    'model.json.inputs.a.numbers: 3 elements a row, and input "a" has shape [?, 2]',
  ],
  [
    'no length',
    { a: { numbers: {} } },
    [spec('a', 'DT_FLOAT', [-1, -1])],
    'model.json.inputs.a.numbers.length: is needed, as input "a" has shape [?, ?]',
  ],
  [
    'a float for whole numbers',
    { a: { number: { type: 'float' } } },
    [spec('a', 'DT_INT32', [-1])],
    'model.json.inputs.a.number.type: float, and input "a" is DT_INT32',
  ],
  [
    'a range upside down',
    { a: { number: { minimum: 2, maximum: 1 } } },
    [NUMBER],
    'model.json.inputs.a.number: minimum 2 is above maximum 1',
  ],
  [
    'a default beyond the range',
    { a: { number: { maximum: 1, default: 2 } } },
    [NUMBER],
    'model.json.inputs.a.number.default: 2; allowed is a number up to 1',
  ],
  [
    'labels of another number',
    { a: { label: { labels: ['x', 'y'], classes: 3 } } },
    [NUMBER],
    'model.json.inputs.a.label: 2 labels, and classes is 3',
  ],
  [
    'neither labels nor classes',
    { a: { label: {} } },
    [NUMBER],
    'model.json.inputs.a.label: give its labels, or classes: the signature does not tell how many there are',
  ],
  [
    'text for a number',
    { a: { text: {} } },
    [NUMBER],
    'model.json.inputs.a.text: input "a" is DT_FLOAT, which takes no text',
  ],
  [
    'noise of no shape',
    { a: { noise: {} } },
    [spec('a', 'DT_FLOAT', [-1, -1])],
    'model.json.inputs.a.noise.shape: is needed, as input "a" has shape [?, ?]',
  ],
  [
    'noise of another shape',
    { a: { noise: { shape: [3] } } },
    [spec('a', 'DT_FLOAT', [-1, 4])],
    'model.json.inputs.a.noise.shape: [3], and input "a" has shape [?, 4]',
  ],
  [
    'limits of normal noise',
    { a: { noise: { maximum: 3 } } },
    [spec('a', 'DT_FLOAT', [-1, 4])],
    'model.json.inputs.a.noise.maximum: does not go with distribution normal',
  ],
  [
    'a seed of floats',
    { a: { seed: {} } },
    [NUMBER],
    'model.json.inputs.a.seed: a seed is one whole number or two, and input "a" is DT_FLOAT [?]',
  ],
])('%s is refused, and both sides are named', (_what, config, specs, problem) => {
  expect(resolve(config, specs).problems).toContain(problem);
});

test('both forms at once are refused', () => {
  const config = { input: {}, inputs: { x: { image: {} } } };

  expect(resolve(undefined, [PHOTO], { config }).problems).toEqual([
    'model.json: has "input" and "inputs"; say all of it in "inputs"',
  ]);
});

test('the short form is one image, and the only input of a named task needs no roles', () => {
  expect(resolve(undefined, [PHOTO]).inputs).toMatchObject({
    uploadRole: 'image',
    image: { inputName: 'x' },
    more: [],
  });
  const writer = resolve(undefined, [spec('t', 'DT_STRING', [-1])], { task: 'text-generation' });
  expect(writer.inputs.more).toMatchObject([{ role: 'prompt', kind: 'text', inputName: 't' }]);
  expect(writer.assumptions).toContain('inputs.prompt: "t", the only input');
  const maker = resolve(undefined, [spec('z', 'DT_FLOAT', [-1, 4])], { task: 'image-generation' });
  expect(maker.inputs.more).toMatchObject([{ role: 'noise', kind: 'noise', shape: [1, 4] }]);
});

describe('an input of strings', () => {
  const file = spec('image_bytes', 'DT_STRING', [-1]);

  test('that the graph decodes takes files, and says so', () => {
    const decoded = new Map([['image_bytes', ['jpeg', 'png']]] as const);
    const { inputs, assumptions } = resolve(undefined, [file], { decoded });

    expect(inputs.encoded).toEqual({
      inputName: 'image_bytes',
      shape: [1],
      formats: ['jpeg', 'png'],
    });
    expect(inputs.image).toBeUndefined();
    expect(assumptions).toEqual([
      'input: "image_bytes" takes files, which the graph decodes: jpeg, png; others are sent to it as png',
    ]);
  });

  test('that leads to no decoder stays a tensor; as an image it has no settings', () => {
    expect(resolve(undefined, [file], { decoded: new Map() }).inputs.encoded).toBeUndefined();
    expect(
      resolve({ image: { name: 'image_bytes', image: { width: 8 } } }, [file]).problems,
    ).toEqual([
      'model.json.inputs.image.image.width: input "image_bytes" is DT_STRING, a file that the graph decodes and resizes itself',
    ]);
  });
});
