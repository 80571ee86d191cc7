import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { FIXTURES, makeRepository, removeFolder, SHIPPED } from '../support/service';
import { runTrial } from '../../src/commands/tune/trial';

const TUNE = path.resolve(__dirname, '../../dist/commands/tune/main.js');
const execute = promisify(execFile);
const CLASSIFIER = path.join(SHIPPED, 'efficientnet-lite0');

test('a trial starts a real server with the settings and measures real answers', async () => {
  const modelJson = await readFile(path.join(CLASSIFIER, 'model.json'), 'utf8');
  const photo = await readFile(path.join(FIXTURES, 'photos/chelsea.jpg'));

  const result = await runTrial(
    {
      directory: CLASSIFIER,
      name: 'copy',
      modelJson,
      task: 'classify',
      load: { images: [photo], connections: 2, warmUpMs: 0, measureMs: 4000 },
      startTimeoutMs: 50_000,
    },
    { instances: 1, threads: 1, maxBatchSize: 2, maxQueueDelayMs: 0 },
  );

  expect(result.failed).toBe(0);
  expect(result.perSecond).toBeGreaterThan(0);
  expect(result.p99Ms).toBeGreaterThanOrEqual(result.p50Ms);
  expect(await readFile(path.join(CLASSIFIER, 'model.json'), 'utf8')).toBe(modelJson);
});

test('settings that the server refuses are an error with its reason', async () => {
  const trial = runTrial(
    {
      directory: path.join(FIXTURES, 'models/half_plus_two'),
      name: 'half_plus_two',
      modelJson: '{"signature": "there_is_none"}',
      task: 'classify',
      load: { images: [Buffer.from('x')], connections: 1, warmUpMs: 0, measureMs: 100 },
      startTimeoutMs: 50_000,
    },
    { instances: 1, threads: 1, maxBatchSize: 2, maxQueueDelayMs: 0 },
  );

  await expect(trial).rejects.toThrow('there_is_none');
});

test('an unknown model is told with the names there are', async () => {
  const repository = await makeRepository({
    half: { from: path.join(FIXTURES, 'models/half_plus_two/1') },
  });
  try {
    const run = execute(process.execPath, [
      TUNE,
      '--model',
      'other',
      '--model-repository',
      repository,
    ]);

    await expect(run).rejects.toMatchObject({
      code: 1,
      stderr: 'there is no model "other"; there are: half\n',
    });
  } finally {
    await removeFolder(repository);
  }
});
