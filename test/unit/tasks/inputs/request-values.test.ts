import { feedValues } from '../../../../src/tasks/inputs/feed-values';
import {
  NO_INPUTS,
  type LabelInput,
  type ModelInputs,
  type MoreInput,
  type NumberInput,
  type NumbersInput,
  type TextInput,
} from '../../../../src/tasks/inputs/model-inputs';
import { parseValue, type InputValue } from '../../../../src/tasks/inputs/parse-value';
import { requestValues } from '../../../../src/tasks/inputs/request-values';

const NUMBER: NumberInput = {
  kind: 'number',
  role: 'strength',
  inputName: 's',
  dtype: 'float32',
  shape: [1],
  integer: false,
  minimum: 0,
  maximum: 1,
  fallback: undefined,
};
const WHOLE: NumberInput = { ...NUMBER, dtype: 'int64', integer: true, maximum: 400 };
const WEIGHTS: NumbersInput = {
  ...NUMBER,
  kind: 'numbers',
  role: 'style',
  inputName: 'w',
  shape: [1, 3],
  length: 3,
  labels: ['mosaic', 'udnie', 'wave'],
  normalize: false,
  fallback: undefined,
};
const LABEL: LabelInput = {
  kind: 'label',
  role: 'class',
  inputName: 'c',
  dtype: 'int32',
  shape: [1],
  classes: 2,
  labels: ['cat', 'dog'],
  form: 'index',
  fallback: undefined,
};
const TEXT: TextInput = {
  kind: 'text',
  role: 'prompt',
  inputName: 'p',
  dtype: 'string',
  shape: [1],
  maxLength: 3,
  fallback: undefined,
};

test.each([
  [NUMBER, 0.5, 0.5],
  [NUMBER, '5e-1', 0.5],
  [WHOLE, '400', 400],
  [WEIGHTS, [0, 0.5, 1], [0, 0.5, 1]],
  [WEIGHTS, '0,0.5, 1', [0, 0.5, 1]],
  [WEIGHTS, '[0,0.5,1]', [0, 0.5, 1]],
  [WEIGHTS, 'udnie', [0, 1, 0]],
  [WEIGHTS, { wave: 0.25 }, [0, 0, 0.25]],
  [WEIGHTS, '{"mosaic":0.7,"udnie":0.3}', [0.7, 0.3, 0]],
  [{ ...WEIGHTS, normalize: true }, [1, 1, 0], [0.5, 0.5, 0]],
  [LABEL, 'dog', 1],
  [LABEL, '0', 0],
  [LABEL, 1, 1],
  [TEXT, '', ''],
  // Code points, not units of UTF-16.
  [TEXT, '😀😀😀', '😀😀😀'],
] as const)('%j takes %j', (input, raw, expected) => {
  expect(parseValue(input, raw)).toEqual(expected);
});

test.each([
  [NUMBER, 1.01, 'allowed is a number from 0 to 1'],
  [NUMBER, 'NaN', 'allowed is a number from 0 to 1'],
  [NUMBER, '', 'allowed is a number from 0 to 1'],
  [NUMBER, true, 'allowed is a number from 0 to 1'],
  [WHOLE, 1.5, 'allowed is a whole number from 0 to 400'],
  [WEIGHTS, [0, 1], '2 numbers; allowed is a list of 3'],
  [WEIGHTS, 'scream', 'allowed is a list of 3, each a number from 0 to 1, or a label'],
  [WEIGHTS, { scream: 1 }, 'there is no "scream"; there are "mosaic", "udnie", "wave"'],
  [WEIGHTS, '{"mosaic"', 'it is not JSON'],
  [{ ...WEIGHTS, normalize: true }, [0, 0, 0], 'they add up to 0'],
  [LABEL, 'bird', 'allowed is "cat", "dog", or a whole number from 0 to 1'],
  [LABEL, 2, 'allowed is "cat", "dog"'],
  [LABEL, -1, 'allowed is "cat", "dog"'],
  [TEXT, 'long', 'it has 4 characters; allowed is a text of at most 3 characters'],
  [TEXT, 7, 'allowed is a text'],
] as const)('%j refuses %j', (input, raw, message) => {
  expect(() => parseValue(input, raw)).toThrow(message);
});

function modelOf(...more: MoreInput[]): ModelInputs {
  return { ...NO_INPUTS, more };
}

test('what a request leaves out has its default, else it is named', () => {
  const inputs = modelOf({ ...NUMBER, fallback: 0.25 }, LABEL);

  expect(requestValues(inputs, { class: 'cat' }).values).toEqual(
    new Map([
      ['strength', 0.25],
      ['class', 0],
    ]),
  );
  expect(() => requestValues(inputs, {})).toThrow(
    '"class" is missing; needed is "cat", "dog", or a whole number from 0 to 1',
  );
});

test('a seed is that of the request, else a random one; without noise there is none', () => {
  const seeded = modelOf({
    kind: 'seed',
    role: 'seed',
    inputName: 'n',
    dtype: 'int32',
    shape: [2],
  });

  expect(requestValues(seeded, { seed: '12' }).seed).toBe(12);
  expect(requestValues(seeded, {}, () => 99).seed).toBe(99);
  expect(requestValues(modelOf(), {}).seed).toBeUndefined();
  expect(() => requestValues(seeded, { seed: 2 ** 31 })).toThrow(
    '"seed" is 2147483648: allowed is a whole number from 0 to 2147483647',
  );
});

test('values become tensors of one row, of the type of their input', () => {
  const inputs = modelOf(
    { ...WHOLE, role: 'length' },
    { ...WEIGHTS, dtype: 'float64' },
    { ...LABEL, dtype: 'float32', shape: [1, 2], form: 'one-hot' },
    { ...LABEL, role: 'name', dtype: 'string', form: 'text' },
    { kind: 'seed', role: 'seed', inputName: 'n', dtype: 'int32', shape: [2] },
  );
  const values = new Map<string, InputValue>([
    ['length', 7],
    ['style', [1, 2, 3]],
    ['class', 1],
    ['name', 0],
  ]);

  const tensors = feedValues(inputs, values, 5);

  expect(tensors.slice(0, 3).map(({ data }) => data)).toEqual([
    BigInt64Array.of(7n),
    Float64Array.of(1, 2, 3),
    Float32Array.of(0, 1),
  ]);
  expect(Buffer.from((tensors[3]?.data as { bytes: Uint8Array }).bytes).toString()).toBe('cat');
  expect(tensors[4]).toMatchObject({ name: 'n', shape: [2], data: Int32Array.of(5, 0) });
});
