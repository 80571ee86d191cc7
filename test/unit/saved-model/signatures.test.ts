import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { readServedGraph, writeSavedModel } from '../../../src/saved-model/saved-model-file';
import { readSignaturesSync } from '../../../src/saved-model/signatures';

const MODELS = path.resolve(__dirname, '../../fixtures/models');

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'saved-model-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('a signature has its tensors with type, shape and node', () => {
  expect(readSignaturesSync(path.join(MODELS, 'half_plus_two/1'))).toEqual({
    tags: ['serve'],
    signatures: {
      serving_default: {
        inputs: [
          {
            name: 'x',
            dtype: 'float32',
            tfDtype: 'DT_FLOAT',
            shape: [-1],
            node: 'serving_default_x:0',
          },
        ],
        outputs: [
          {
            name: 'y',
            dtype: 'float32',
            tfDtype: 'DT_FLOAT',
            shape: [-1],
            node: 'StatefulPartitionedCall:0',
          },
        ],
        methodName: 'tensorflow/serving/predict',
      },
    },
    hasVariables: true,
  });
});

test('variables that were not copied along are an error', () => {
  copyFileSync(
    path.join(MODELS, 'half_plus_two/1/saved_model.pb'),
    path.join(folder, 'saved_model.pb'),
  );

  expect(() => readSignaturesSync(folder)).toThrow(
    'restores variables, and there is no variables/variables.index beside it',
  );
});

test('a model without variables needs no folder of them, although it names a restore operation', async () => {
  const meta = readServedGraph(path.join(MODELS, 'half_plus_two/1'));
  const operations = meta.metaInfoDef?.strippedOpList;
  if (operations !== undefined) {
    operations.op = operations.op.filter(({ name }) => name !== 'VarHandleOp');
  }
  await writeSavedModel(folder, meta);

  expect(readSignaturesSync(folder).hasVariables).toBe(false);
});

test('all signatures are read, and inputs come in the order of their names', () => {
  const { signatures } = readSignaturesSync(path.join(MODELS, 'two_signatures/1'));

  expect(Object.keys(signatures).sort()).toEqual(['serving_default', 'sum']);
  expect(signatures.sum?.inputs.map(({ name, shape }) => [name, shape])).toEqual([
    ['a', [-1, 3]],
    ['b', [-1, 3]],
  ]);
  expect(signatures.sum?.outputs.map(({ name }) => name)).toEqual(['total']);
});

test.each(['assert_positive', 'half_plus_three', 'slow_add'])(
  'the model %s keeps none of the names that TensorFlow has for itself',
  (name) => {
    const { signatures } = readSignaturesSync(path.join(MODELS, name, '1'));

    expect(Object.keys(signatures)).toEqual(['serving_default']);
  },
);

test('a folder without saved_model.pb is an error with its path', () => {
  expect(() => readSignaturesSync(folder)).toThrow(
    expect.objectContaining({
      message: expect.stringContaining(path.join(folder, 'saved_model.pb')),
    }),
  );
});

test.each<[string, Uint8Array, string]>([
  [
    'half a model',
    readFileSync(path.join(MODELS, 'half_plus_two/1/saved_model.pb')).subarray(0, 5000),
    'is not a SavedModel',
  ],
  ['text', Buffer.from('this is no protobuf'), 'is not a SavedModel'],
  ['nothing', Buffer.alloc(0), 'holds no graph tagged "serve"'],
])('a saved_model.pb that holds %s is refused', (_, content, problem) => {
  writeFileSync(path.join(folder, 'saved_model.pb'), content);

  expect(() => readSignaturesSync(folder)).toThrow(
    `${path.join(folder, 'saved_model.pb')} ${problem}`,
  );
});

/** A field of a protobuf message that holds bytes shorter than 128. */
function field(number: number, ...contents: readonly (string | Uint8Array)[]): Uint8Array {
  const content = Buffer.concat(
    contents.map((each) => (typeof each === 'string' ? Buffer.from(each) : each)),
  );
  return Buffer.concat([Buffer.of((number << 3) | 2, content.length), content]);
}

/** A meta graph (field 2 of SavedModel): tags are field 4 of its info, signatures field 5. */
function metaGraph(tags: readonly string[], ...signatures: readonly string[]): Uint8Array {
  return field(
    2,
    field(1, ...tags.map((tag) => field(4, tag))),
    ...signatures.map((name) => field(5, field(1, name), field(2, field(3, 'predict')))),
  );
}

test('of several graphs for serving the one with the fewest tags is read', () => {
  writeFileSync(
    path.join(folder, 'saved_model.pb'),
    Buffer.concat([
      metaGraph(['train'], 'training'),
      metaGraph(['serve', 'tpu'], 'on_tpu'),
      metaGraph(['serve'], 'plain'),
    ]),
  );

  const { tags, signatures } = readSignaturesSync(folder);

  expect(tags).toEqual(['serve']);
  expect(signatures).toEqual({ plain: { inputs: [], outputs: [], methodName: 'predict' } });
});

test.each<[string, Uint8Array, string]>([
  ['for training alone', metaGraph(['train'], 'f'), 'holds no graph tagged "serve"'],
  ['without signatures', metaGraph(['serve']), 'has no signature to serve'],
  [
    'with internal signatures alone',
    metaGraph(['serve'], '__saved_model_init_op'),
    'has no signature to serve',
  ],
])('a graph %s is refused', (_, content, problem) => {
  writeFileSync(path.join(folder, 'saved_model.pb'), content);

  expect(() => readSignaturesSync(folder)).toThrow(problem);
});
