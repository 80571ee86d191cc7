import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { REPORT_FILE, type ConversionReport } from '../../src/commands/convert/report';
import type { Int8Report } from '../../src/commands/convert/int8/int8-report';
import { int8Instructions } from '../../src/runtime/int8-instructions';
import { runProgram, type Ended } from '../support/run-program';
import {
  makeRepository,
  photo,
  removeFolder,
  shippedModel,
  startTestService,
  toy,
  type TestModel,
} from '../support/service';

const OPTIMIZE = path.resolve(__dirname, '../../dist/commands/convert/main.js');
const QUICK = ['--rounds', '1'];
/** Small, and takes an image of 32 × 32. */
const NETWORK = toy('keras_network');

const folders: string[] = [];

afterAll(async () => {
  await Promise.all(folders.map(removeFolder));
});

async function repositoryOf(models: Readonly<Record<string, TestModel>>): Promise<string> {
  const repository = await makeRepository(models);
  folders.push(repository);
  return repository;
}

async function photosOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'optimize-photos-'));
  folders.push(folder);
  for (const [name, from] of Object.entries(files)) await copyFile(from, path.join(folder, name));
  return folder;
}

function optimize(repository: string, ...args: string[]): Promise<Ended> {
  return runProgram(process.execPath, [OPTIMIZE, '--model-repository', repository, ...args], {
    env: { TF_CPP_MIN_LOG_LEVEL: '2' },
  });
}

async function reportOf(version: string): Promise<ConversionReport> {
  return JSON.parse(await readFile(path.join(version, REPORT_FILE), 'utf8')) as ConversionReport;
}

test('the classifier in bf16 becomes version 2, which the server serves with the same answers', async () => {
  const repository = await repositoryOf({ cats: shippedModel('efficientnet-lite0') });
  const images = await photosOf({
    'cat.jpg': photo('chelsea.jpg'),
    'rocket.jpg': photo('rocket.jpg'),
    'coffee.jpg': photo('coffee.jpg'),
    'broken.png': photo('reference.json'),
  });

  const { code, output } = await optimize(
    repository,
    ...['--model', 'cats', '--precision', 'bf16', '--images', images, ...QUICK],
  );

  expect(output).toMatch(/^skipped: broken\.png: The file is not an image/m);
  expect(output).toMatch(
    /^written: version 2; by its version policy the server serves version 2$/m,
  );
  expect(code).toBe(0);
  const directory = path.join(repository, 'cats/2');
  const report = await reportOf(directory);
  expect(report).toMatchObject({
    model: 'cats',
    precision: 'bf16',
    sourceVersion: 1,
    version: 2,
    comparison: {
      inputs: 'images',
      count: 3,
      skipped: [{ file: 'broken.png' }],
      agreement: { kind: 'classes', top1: 1, changed: [] },
    },
  });
  expect(report.speed.map(({ batch }) => batch)).toEqual([1, 4, 8]);
  expect(report.comparison.difference.maxRelative).toBeGreaterThan(0);
  expect(report.comparison.difference.maxRelative).toBeLessThan(0.1);
  const { size } = await stat(path.join(directory, 'saved_model.pb'));
  expect(size).toBeLessThan(0.55 * report.bytes.source);
  expect(await readdir(path.join(repository, 'cats'))).not.toContainEqual(
    expect.stringMatching(/^\./),
  );

  const service = await startTestService({ modelRepository: repository, optimize: true });
  try {
    const body = new FormData();
    body.set('image', new Blob([await readFile(photo('chelsea.jpg'))]));
    const response = await fetch(`${service.url}/models/cats/classify?top=1`, {
      method: 'POST',
      body,
    });
    expect(await response.json()).toMatchObject({
      version: 2,
      results: [{ predictions: [{ index: 282, label: 'tiger cat' }] }],
    });
  } finally {
    await service.stop();
  }
});

const withInt8 = int8Instructions().length > 0 ? test : test.skip;

withInt8('the classifier in int8 computes in 8 bits, and is served', async () => {
  const repository = await repositoryOf({ cats: shippedModel('efficientnet-lite0') });
  const images = await photosOf({
    'cat.jpg': photo('chelsea.jpg'),
    'coffee.jpg': photo('coffee.jpg'),
    'broken.png': photo('reference.json'),
  });

  const { code, output } = await optimize(
    repository,
    // Two photos are too few to choose layers by.
    ...['--model', 'cats', '--precision', 'int8', '--max-accuracy-loss', '1'],
    ...['--images', images, ...QUICK],
  );

  expect(output).toMatch(/^in 8 bits: \d+ of 50 convolutions and matrix products$/m);
  expect(output).toMatch(/^skipped: broken\.png/m);
  expect(code).toBe(0);
  const { conversion, comparison, runtime } = await reportOf(path.join(repository, 'cats/2'));
  expect(runtime.int8Instructions).toEqual(int8Instructions());
  expect(conversion).toMatchObject({
    precision: 'int8',
    accuracy: { budget: 1, photos: 2 },
    ranges: { ofModel: 0 },
  });
  expect(conversion.weightBytes.converted).toBeLessThan(0.5 * conversion.weightBytes.float32);
  const { quantized, float32 } = conversion as Int8Report;
  expect(quantized.length).toBeGreaterThan(40);
  expect(quantized.length + float32.length).toBe(50);
  expect(comparison.difference.maxRelative).toBeGreaterThan(0);
  expect(comparison.difference.maxRelative).toBeLessThan(0.2);

  const service = await startTestService({ modelRepository: repository, optimize: true });
  try {
    const body = new FormData();
    body.set('image', new Blob([await readFile(photo('chelsea.jpg'))]));
    const response = await fetch(`${service.url}/models/cats/classify?top=1`, {
      method: 'POST',
      body,
    });
    expect(await response.json()).toMatchObject({
      version: 2,
      results: [{ predictions: [{ label: expect.stringMatching(/cat/) as string }] }],
    });
  } finally {
    await service.stop();
  }
});

test.each([
  ['without photos', [], /int8 needs photos to measure ranges on.*--images/],
  ['below zero', ['--max-accuracy-loss', '-1'], /a number from 0 on/],
])('int8 %s is refused with what to do', async (_, args, message) => {
  const repository = await repositoryOf({ small: NETWORK });

  const { code, output } = await optimize(
    repository,
    ...['--model', 'small', '--precision', 'int8', ...args],
  );

  expect(output).toMatch(message);
  expect(code).toBe(2);
});

test('without images random inputs are compared, and the policy decides what is served', async () => {
  const repository = await repositoryOf({
    small: { ...NETWORK, versions: [3], config: { versionPolicy: { specific: [3] } } },
  });

  const { code, output } = await optimize(
    repository,
    ...['--model', 'small', '--precision', 'fp16', ...QUICK],
  );

  expect(output).toMatch(/compared on 8 random inputs, as no images were given/);
  expect(output).toMatch(/the server serves version 3\nto serve it, add 4 to versionPolicy/);
  expect(output).not.toMatch(/same best class/);
  expect(code).toBe(0);
  const { comparison } = await reportOf(path.join(repository, 'small/4'));
  expect(Object.keys(comparison.signatures).sort()).toEqual(['serve', 'serving_default']);
});

test('--dry-run compares and leaves the repository as it was', async () => {
  const repository = await repositoryOf({ small: NETWORK });
  const before = await readdir(path.join(repository, 'small'));

  const { code, output } = await optimize(
    repository,
    ...['--model', 'small', '--precision', 'bf16', '--dry-run', ...QUICK],
  );

  expect(output).toMatch(/nothing was written/);
  expect(code).toBe(0);
  expect(await readdir(path.join(repository, 'small'))).toEqual(before);
});

test('an interrupt leaves nothing behind', async () => {
  const repository = await repositoryOf({ small: NETWORK });
  const model = path.join(repository, 'small');
  const before = await readdir(model);
  const child = spawn(
    process.execPath,
    [OPTIMIZE, '--model-repository', repository, '--model', 'small', '--precision', 'fp16'],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  // It says so before it converts, and after it has made its folder.
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const during = await readdir(model);

  child.kill('SIGINT');

  expect(await ended).toBe(130);
  expect(during).toContainEqual(expect.stringMatching(/^\.optimize-/));
  expect(await readdir(model)).toEqual(before);
});

test.each([
  ['an unknown model', ['--model', 'large', '--precision', 'fp16'], 2, /there are: small, table/],
  ['an unknown precision', ['--model', 'small', '--precision', 'fp8'], 2, /fp16, bf16, int8/],
  [
    'an unknown version',
    ['--model', 'small', '--precision', 'fp16', '--version', '7'],
    2,
    /no version 7; there are: 1/,
  ],
  [
    'a folder without images',
    ['--model', 'small', '--precision', 'fp16', '--images', __dirname],
    2,
    /there is no image in/,
  ],
  [
    'a model that cannot be rewritten',
    ['--model', 'table', '--precision', 'int8-weights'],
    5,
    /it has a lookup table/,
  ],
])('%s is told, with its exit code', async (_, args, code, message) => {
  const repository = await repositoryOf({ small: NETWORK, table: toy('lookup_table') });

  const ended = await optimize(repository, ...args);

  expect(ended.output).toMatch(message);
  expect(ended.code).toBe(code);
  expect(await readdir(path.join(repository, 'small'))).toEqual(['1']);
});

test('a folder in which no image can be read is an error', async () => {
  const repository = await repositoryOf({ small: NETWORK });
  const images = await photosOf({ 'a.jpg': photo('reference.json') });
  await writeFile(path.join(images, 'b.png'), '');

  const { code, output } = await optimize(
    repository,
    ...['--model', 'small', '--precision', 'fp16', '--images', images, ...QUICK],
  );

  expect(output).toMatch(/skipped: a\.jpg[^]*skipped: b\.png[^]*none of the images in/);
  expect(code).toBe(2);
});
