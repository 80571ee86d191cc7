import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { readModelJson, replaceFile, withSettings } from '../../../../src/commands/tune/model-json';

const SETTINGS = { instances: 3, threads: 2, maxBatchSize: 16, maxQueueDelayMs: 2 };

test('other keys, their order and the layout stay', () => {
  const before = `{
    "task": "image-classification",
    "batching": { "queueTimeoutMs": 900, "maxBatchSize": 4 },
    "instances": 1,
    "input": { "normalization": { "mean": [1, 2, 3], "std": [4, 5, 6] } }
}
`;

  expect(withSettings(before, SETTINGS)).toBe(`{
    "task": "image-classification",
    "batching": {
        "queueTimeoutMs": 900,
        "maxBatchSize": 16,
        "maxQueueDelayMs": 2
    },
    "instances": 3,
    "threads": 2,
    "input": { "normalization": { "mean": [1, 2, 3], "std": [4, 5, 6] } }
}
`);
});

test('without a model.json, one with the settings alone comes to be', () => {
  expect(JSON.parse(withSettings(undefined, SETTINGS))).toEqual({
    instances: 3,
    threads: 2,
    batching: { maxBatchSize: 16, maxQueueDelayMs: 2 },
  });
});

test('threads that TensorFlow is to choose are left to it', () => {
  const after = withSettings('{"instances": 1, "threads": 4}', { ...SETTINGS, threads: 0 });

  expect(JSON.parse(after)).not.toHaveProperty('threads');
});

test.each([
  [[1, 2, 4], 16, [1, 2, 4, 8, 16]],
  [[1, 3, 20], 4, [1, 3, 4]],
  [[5], 1, [1]],
])(
  'allowed batch sizes %j end in the new maximum, %i',
  (allowedBatchSizes, maxBatchSize, expected) => {
    const before = JSON.stringify({
      batching: { maxBatchSize: allowedBatchSizes.at(-1), allowedBatchSizes },
    });

    const after = JSON.parse(withSettings(before, { ...SETTINGS, maxBatchSize }));

    expect(after.batching.allowedBatchSizes).toEqual(expected);
  },
);

test('tabs and Windows line ends stay what they are', () => {
  const after = withSettings('{\r\n\t"task": "tensor"\r\n}\r\n', SETTINGS);

  expect(after).toContain('\r\n\t"instances": 3');
  expect(after.replaceAll('\r\n', '')).not.toContain('\n');
});

test('a model.json that is not valid is refused, not rewritten', () => {
  expect(() => withSettings('{"bacthing": {}}', SETTINGS)).toThrow('unknown key "bacthing"');
  expect(() => withSettings('{', SETTINGS)).toThrow('not JSON');
});

describe('the file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'tune-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('is replaced whole, keeps its permissions and leaves nothing beside it', async () => {
    const file = path.join(folder, 'model.json');
    await writeFile(file, '{}');
    await chmod(file, 0o640);

    await replaceFile(file, '{"instances": 2}\n');

    expect(await readModelJson(file)).toBe('{"instances": 2}\n');
    expect((await stat(file)).mode & 0o777).toBe(0o640);
    expect(await readdir(folder)).toEqual(['model.json']);
  });

  test('is not touched when it cannot be replaced, and nothing is left beside it', async () => {
    const file = path.join(folder, 'taken');
    await rm(file, { force: true });
    await expect(replaceFile(path.join(file, 'model.json'), '{}')).rejects.toThrow('ENOENT');

    expect(await readdir(folder)).toEqual([]);
  });

  test('that does not exist reads as undefined', async () => {
    expect(await readModelJson(path.join(folder, 'model.json'))).toBeUndefined();
    await expect(readFile(path.join(folder, 'model.json'))).rejects.toThrow('ENOENT');
  });
});
