import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import {
  revisionOf,
  scanRepository,
  versionDirectory,
  type RepositoryModel,
} from '../../../src/models/repository';

let repository: string;

beforeEach(async () => {
  repository = await mkdtemp(path.join(tmpdir(), 'scan-'));
});

afterEach(async () => {
  await rm(repository, { recursive: true, force: true });
});

/** Writes files by their path in the repository. */
async function write(files: Readonly<Record<string, string | object>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(repository, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  }
}

async function scanOne(): Promise<RepositoryModel> {
  const [model] = await scanRepository(repository);
  if (model === undefined) throw new Error('no model was found');
  return model;
}

test('models are listed by name with what model.json says', async () => {
  await write({
    'b/1/saved_model.pb': '',
    'a/1/saved_model.pb': '',
    'a/model.json': { task: 'tensor' },
  });

  const models = await scanRepository(repository);

  expect(models).toMatchObject([
    { name: 'a', configured: true, config: { task: 'tensor' }, problems: [] },
    { name: 'b', configured: false, config: {}, labels: undefined, problems: [] },
  ]);
  expect(models[0]?.directory).toBe(path.join(repository, 'a'));
});

test('versions are in the order of their numbers, not of their letters', async () => {
  await write({
    'm/2/saved_model.pb': '',
    'm/10/saved_model.pb': '',
    'm/007/saved_model.pb': '',
    'm/1700000000/saved_model.pb': '',
  });

  expect((await scanOne()).versions).toEqual([2, 7, 10, 1700000000]);
});

test('the folder of a version keeps its leading zeros', async () => {
  await write({ 'm/007/saved_model.pb': '', 'm/10/saved_model.pb': '' });
  const directory = path.join(repository, 'm');

  expect(await versionDirectory(directory, 7)).toBe(path.join(directory, '007'));
  expect(await versionDirectory(directory, 10)).toBe(path.join(directory, '10'));
  expect(await versionDirectory(directory, 11)).toBe(path.join(directory, '11'));
});

test('a folder that has gone since it was looked at costs its own load alone', async () => {
  const gone = path.join(repository, 'gone');

  expect(await versionDirectory(gone, 3)).toBe(path.join(gone, '3'));
});

test('folders that are no version or hold no saved_model.pb are skipped', async () => {
  await write({
    'm/1/saved_model.pb': '',
    'm/2/variables/variables.index': '',
    'm/3/saved_model.pb/a-folder': '',
    'm/latest/saved_model.pb': '',
    'm/-4/saved_model.pb': '',
    'm/5.0/saved_model.pb': '',
  });

  expect((await scanOne()).versions).toEqual([1]);
});

test('a model without a version says what is needed', async () => {
  await write({ 'm/1/readme.txt': '' });

  const { versions, problems } = await scanOne();

  expect(versions).toEqual([]);
  expect(problems).toEqual([expect.stringContaining('such as 1/saved_model.pb')]);
});

test('files, hidden folders and dangling links are no models', async () => {
  await write({ 'readme.md': '', '.git/1/saved_model.pb': '' });
  await symlink(path.join(repository, 'nowhere'), path.join(repository, 'link'));

  expect(await scanRepository(repository)).toEqual([]);
});

test('a link to a folder is a model', async () => {
  await write({ '.store/1/saved_model.pb': '' });
  await symlink(path.join(repository, '.store'), path.join(repository, 'linked'));

  expect(await scanOne()).toMatchObject({ name: 'linked', versions: [1], problems: [] });
});

test('every problem of a model.json is told with its path', async () => {
  await write({
    'm/1/saved_model.pb': '',
    'm/model.json': { tusk: 'tensor', instances: 0, output: { topK: 0 } },
  });

  const { problems, versions } = await scanOne();

  expect(problems).toEqual([
    expect.stringMatching(/^model\.json\.instances: /),
    'model.json: unknown key "tusk"',
    expect.stringMatching(/^model\.json\.output\.topK: /),
  ]);
  expect(versions).toEqual([1]);
});

test('a model with everything wrong has all problems, and the others are found', async () => {
  await write({ 'a bad name/model.json': '{', 'good/1/saved_model.pb': '' });

  const [bad, good] = await scanRepository(repository);

  expect(bad?.problems).toEqual([
    expect.stringContaining('the folder name "a bad name" is not a valid model name'),
    expect.stringContaining('model.json is not JSON'),
    expect.stringContaining('no version'),
  ]);
  expect(good?.problems).toEqual([]);
});

test.each(['-dash', 'ünï', 'a'.repeat(129), 'a+b'])(
  'the folder name %j is refused',
  async (name) => {
    await write({ [`${name}/1/saved_model.pb`]: '' });

    expect((await scanOne()).problems).toEqual([
      expect.stringContaining('is not a valid model name'),
    ]);
  },
);

test.each(['resnet-50', 'a', '0.5_quant', '_under', 'A'.repeat(128)])(
  'the folder name %j is accepted',
  async (name) => {
    await write({ [`${name}/1/saved_model.pb`]: '' });

    expect(await scanOne()).toMatchObject({ name, problems: [] });
  },
);

test('a model.json that cannot be read is a problem, not the end', async () => {
  await write({ 'm/1/saved_model.pb': '', 'm/model.json/a-folder': '' });

  expect((await scanOne()).problems).toEqual(['model.json: is not a file']);
});

describe('labels', () => {
  const model = {
    'm/1/saved_model.pb': '',
    'm/model.json': { output: { labels: 'labels.txt' } },
  };

  test.each([
    ['cat\ndog\n', ['cat', 'dog']],
    ['cat\ndog', ['cat', 'dog']],
    ['cat\r\ndog\r\n', ['cat', 'dog']],
    ['cat\n\ndog\n', ['cat', '', 'dog']],
    ['cat\n\n', ['cat', '']],
    [' red fox, Vulpes\n', [' red fox, Vulpes']],
  ])('%j holds %j', async (text, labels) => {
    await write({ ...model, 'm/labels.txt': text });

    expect(await scanOne()).toMatchObject({ labels, problems: [] });
  });

  test('a file that is not there is named', async () => {
    await write(model);

    expect((await scanOne()).problems).toEqual([
      'model.json.output.labels: there is no file "labels.txt"',
    ]);
  });

  test.each(['../labels.txt', '/etc/hostname', 'sub/../../labels.txt', '.'])(
    'a file outside the folder of the model such as %j is refused',
    async (labels) => {
      await write({ ...model, 'm/model.json': { output: { labels } }, 'labels.txt': 'secret' });

      expect(await scanOne()).toMatchObject({
        labels: undefined,
        problems: ['model.json.output.labels: must name a file in the model folder'],
      });
    },
  );

  describe('links', () => {
    let outside: string;

    beforeEach(async () => {
      outside = await mkdtemp(path.join(tmpdir(), 'outside-'));
      await writeFile(path.join(outside, 'secret.txt'), 'secret\n');
    });
    afterEach(() => rm(outside, { recursive: true, force: true }));

    /** A link in the repository. */
    async function link(from: string, to: string): Promise<void> {
      await symlink(to, path.join(repository, from));
    }

    test('a link to a file outside the repository is refused', async () => {
      await write(model);
      await link('m/labels.txt', path.join(outside, 'secret.txt'));

      expect(await scanOne()).toMatchObject({
        labels: undefined,
        problems: ['model.json.output.labels: a link leads out of the model repository'],
      });
    });

    test('a file behind a linked folder outside the repository is refused', async () => {
      await write({ ...model, 'm/model.json': { output: { labels: 'text/secret.txt' } } });
      await link('m/text', outside);

      expect((await scanOne()).labels).toBeUndefined();
    });

    test('a model.json outside the repository is refused, and nothing of it is told', async () => {
      await write({ 'm/1/saved_model.pb': '' });
      await link('m/model.json', path.join(outside, 'secret.txt'));

      expect((await scanOne()).problems).toEqual([
        'model.json: a link leads out of the model repository',
      ]);
    });

    test('a link to a file of another model is followed', async () => {
      await write({ ...model, '.shared/en.txt': 'cat\n' });
      await link('m/labels.txt', '../.shared/en.txt');

      expect(await scanOne()).toMatchObject({ labels: ['cat'], problems: [] });
    });

    test('a model folder that is a link to somewhere else has its own files', async () => {
      await mkdir(path.join(outside, 'store/1'), { recursive: true });
      await writeFile(path.join(outside, 'store/1/saved_model.pb'), '');
      await writeFile(path.join(outside, 'store/labels.txt'), 'cat\n');
      await writeFile(
        path.join(outside, 'store/model.json'),
        JSON.stringify({ output: { labels: 'labels.txt' } }),
      );
      await link('m', path.join(outside, 'store'));

      expect(await scanOne()).toMatchObject({ labels: ['cat'], problems: [] });
    });

    test('files linked through `..data`, as Kubernetes mounts them, are read', async () => {
      await write({
        'm/..2026/labels.txt': 'cat\n',
        'm/..2026/model.json': { output: { labels: 'labels.txt' } },
        'm/1/saved_model.pb': '',
      });
      await link('m/..data', '..2026');
      await link('m/labels.txt', '..data/labels.txt');
      await link('m/model.json', '..data/model.json');

      expect(await scanOne()).toMatchObject({ labels: ['cat'], problems: [] });
    });

    test('a link that leads nowhere is a file that is not there', async () => {
      await write(model);
      await link('m/labels.txt', 'nowhere');

      expect((await scanOne()).problems).toEqual([
        'model.json.output.labels: there is no file "labels.txt"',
      ]);
    });
  });

  test('what is not a file is refused', async () => {
    await write({ ...model, 'm/labels.txt/a-folder': '' });

    expect((await scanOne()).problems).toEqual(['model.json.output.labels: is not a file']);
  });

  test('a file in a folder of the model is read', async () => {
    await write({
      ...model,
      'm/model.json': { output: { labels: 'text/en.txt' } },
      'm/text/en.txt': 'cat\n',
    });

    expect((await scanOne()).labels).toEqual(['cat']);
  });
});

describe('revisions', () => {
  beforeEach(() =>
    write({
      'm/1/saved_model.pb': 'old',
      'm/2/saved_model.pb': 'old',
      'm/model.json': { output: { labels: 'labels.txt' } },
      'm/labels.txt': 'cat\n',
    }),
  );

  async function revisions(): Promise<string[]> {
    const model = await scanOne();
    return model.versions.map((version) => revisionOf(model, version));
  }

  test('stay while nothing changes', async () => {
    expect(await revisions()).toEqual(await revisions());
  });

  test('of one version change when its file is replaced, even by one of the same size', async () => {
    const [first, second] = await revisions();

    await write({ 'm/2/saved_model.pb': 'new' });
    await utimes(path.join(repository, 'm/2/saved_model.pb'), 1, 1);

    const [firstAfter, secondAfter] = await revisions();
    expect(firstAfter).toBe(first);
    expect(secondAfter).not.toBe(second);
  });

  test.each([
    'variables/variables.index',
    'variables/variables.data-00000-of-00001',
    'assets/vocabulary.txt',
    'assets/deep/er/vocabulary.txt',
    'assets.extra/tf_serving_warmup_requests',
  ])('of one version change when %s comes, grows, is written again and goes', async (file) => {
    const at = path.join(repository, 'm/2', file);
    const seen: string[] = [];
    const look = async (): Promise<void> => {
      const [first, second] = await revisions();
      expect(first).toBe(before);
      seen.push(second ?? '');
    };
    const [before] = await revisions();

    await look();
    await write({ [`m/2/${file}`]: 'old' });
    await utimes(at, 1, 1);
    await look();
    await write({ [`m/2/${file}`]: 'older' });
    await utimes(at, 1, 1);
    await look();
    await utimes(at, 2, 2);
    await look();
    await rm(at);

    expect(new Set(seen).size).toBe(4);
    expect((await revisions())[1]).toBe(seen[0]);
  });

  test('of a version whose folders lead in a circle are found all the same', async () => {
    await write({ 'm/2/assets/a.txt': '' });
    await symlink('..', path.join(repository, 'm/2/assets/up'));

    expect(await revisions()).toEqual(await revisions());
  });

  test.each<[string, string | object]>([
    ['model.json', { output: { labels: 'labels.txt', topK: 1 } }],
    ['labels.txt', 'dog\n'],
  ])('of all versions change with %s', async (file, content) => {
    const before = await revisions();

    await write({ [`m/${file}`]: content });

    const after = await revisions();
    expect(after.filter((revision) => before.includes(revision))).toEqual([]);
  });
});

test('a repository that is not there is an error', async () => {
  await expect(scanRepository(path.join(repository, 'nowhere'))).rejects.toThrow('ENOENT');
});

describe('what is not a SavedModel in its place is told the command that helps', () => {
  test.each<[string, string, string, RegExp]>([
    [
      'a Keras file',
      'net.keras',
      'net.keras',
      /keras\.models\.load_model\('.*\/net\.keras'\)\.export\('.*\/net\/1'\)/,
    ],
    [
      'an HDF5 file in a folder',
      'm/weights.h5',
      'm',
      /load_model\('.*\/m\/weights\.h5'\)\.export\('.*\/m\/1'\)/,
    ],
    [
      'an ONNX file in a version',
      'm/1/model.onnx',
      'm',
      /onnx2tf -i .*\/m\/1\/model\.onnx -o .*\/m\/1 -osd/,
    ],
    [
      'a TensorFlow Lite file',
      'm/model.tflite',
      'm',
      /cannot be turned back.*model\.export\('.*\/m\/1'\)/,
    ],
    [
      'a SavedModel without a version',
      'm/saved_model.pb',
      'm',
      /not in a version folder: mkdir -p .*\/m\/1 && mv /,
    ],
    [
      'a folder of models',
      'm/inner/1/saved_model.pb',
      'm',
      /holds models itself \(inner\): start with --model-repository .*\/m$/,
    ],
  ])('%s', async (_, file, name, problem) => {
    await write({ [file]: '' });

    expect(await scanRepository(repository)).toMatchObject([
      { name, versions: [], problems: [expect.stringMatching(problem)] },
    ]);
  });

  test.each<[string, object, string]>([
    [
      'layers-model',
      { class_name: 'Sequential' },
      'tensorflowjs_converter --input_format=tfjs_layers_model',
    ],
    ['graph-model', { node: [] }, 'tfjs_graph_converter --output_format tf_saved_model'],
  ])('a TensorFlow.js folder, %s', async (format, modelTopology, command) => {
    await write({ 'm/model.json': { format, modelTopology, weightsManifest: [] } });

    expect((await scanOne()).problems).toEqual([expect.stringContaining(command)]);
  });

  test('a repository that is one model, or a SavedModel, is an error', async () => {
    await write({ 'm/1/saved_model.pb': '', 'README.md': 'not a model' });

    expect(await scanRepository(repository)).toHaveLength(1);
    await expect(scanRepository(path.join(repository, 'm'))).rejects.toThrow(
      `start with --model-repository ${repository} --models m`,
    );
    await expect(scanRepository(path.join(repository, 'm/1'))).rejects.toThrow(
      /is a SavedModel, and a folder of models is needed: mkdir -p models/,
    );
  });
});
