import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, mkdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import sharp from 'sharp';

import { ServingClient } from '../../src/client';
import type { Service } from '../../src/compose';
import { codeBlocks, readDocument, ROOT } from '../support/markdown';
import { photo, removeFolder, SHIPPED, startTestService } from '../support/service';

const COFFEE = readFileSync(photo('coffee.jpg'));
const CHELSEA = readFileSync(photo('chelsea.jpg'));
const BROKEN = COFFEE.subarray(0, 1000);
const CLASSIFIER = 'efficientnet-lite0';
const UPSCALER = 'span-x2';

let service: Service;
let client: ServingClient;

beforeAll(async () => {
  service = await startTestService({
    modelRepository: SHIPPED,
    models: [CLASSIFIER, UPSCALER],
    modelControl: 'explicit',
  });
  client = new ServingClient(service.url);
});
afterAll(async () => {
  await service.stop();
});

describe('classify', () => {
  test('one image gives its labels, with the facts of the run', async () => {
    const answer = await client.classify(COFFEE, {
      model: CLASSIFIER,
      version: 1,
      top: 2,
      requestId: 'client-1',
    });

    expect(answer.predictions).toHaveLength(2);
    expect(answer.predictions[0]).toMatchObject({ label: 'espresso', index: 967 });
    expect(answer).toMatchObject({ model: CLASSIFIER, version: 1, requestId: 'client-1' });
    expect(answer.timings?.inferMs).toBeGreaterThan(0);
  });

  test.each([
    ['a Uint8Array', new Uint8Array(COFFEE)],
    ['an ArrayBuffer', new Uint8Array(COFFEE).buffer],
    ['a Blob', new Blob([COFFEE])],
  ])('takes %s', async (_what, image) => {
    const { predictions } = await client.classify(image, { model: CLASSIFIER });

    expect(predictions[0]?.label).toBe('espresso');
  });

  test('several images give a result or an error each, in order', async () => {
    const { results } = await client.classify([COFFEE, BROKEN, CHELSEA], { model: CLASSIFIER });

    expect(results.map(({ predictions }) => predictions?.[0]?.label)).toEqual([
      'espresso',
      undefined,
      expect.stringContaining('cat'),
    ]);
    expect(results[1]?.error).toMatchObject({ code: 'UNDECODABLE_IMAGE', status: 422 });
  });

  test('the error of the only image is the error of the call', async () => {
    const call = client.classify(BROKEN, { model: CLASSIFIER, requestId: 'client-2' });

    await expect(call).rejects.toMatchObject({
      code: 'UNDECODABLE_IMAGE',
      status: 422,
      requestId: 'client-2',
      retriable: false,
    });
  });

  test.each([
    ['MODEL_NOT_FOUND', { model: 'nope' }],
    ['VERSION_NOT_FOUND', { model: CLASSIFIER, version: 9 }],
    ['WRONG_TASK', { model: UPSCALER }],
    ['BAD_REQUEST', { model: CLASSIFIER, top: 0 }],
  ])('%s reaches the caller', async (code, options) => {
    await expect(client.classify(COFFEE, options)).rejects.toMatchObject({ code });
  });
});

describe('generate', () => {
  test.each(['png', 'jpeg', 'webp'] as const)('gives a picture as %s', async (format) => {
    const small = await sharp(COFFEE).resize(32, 24).jpeg().toBuffer();

    const picture = await client.generate(small, { model: UPSCALER, format, quality: 80 });

    const { width, height, format: found } = await sharp(picture.bytes).metadata();
    expect([width, height, found]).toEqual([64, 48, format]);
    expect(picture).toMatchObject({ mediaType: `image/${format}`, model: UPSCALER, version: 1 });
    expect(picture.timings?.inferMs).toBeGreaterThan(0);
  });

  test('several images give a picture or an error each, in order', async () => {
    const small = await sharp(COFFEE).resize(32, 24).jpeg().toBuffer();

    const { results, version } = await client.generate([small, BROKEN, small], {
      model: UPSCALER,
      format: 'webp',
    });

    expect(version).toBe(1);
    expect(results.map(({ mediaType, error }) => mediaType ?? error.code)).toEqual([
      'image/webp',
      'UNDECODABLE_IMAGE',
      'image/webp',
    ]);
    const { width, height } = await sharp(results[2]?.bytes).metadata();
    expect([width, height]).toEqual([64, 48]);
  });

  test('one image in a list gives a list', async () => {
    const small = await sharp(COFFEE).resize(32, 24).jpeg().toBuffer();

    const { results } = await client.generate([small], { model: UPSCALER });

    expect(results.map(({ mediaType }) => mediaType)).toEqual(['image/png']);
  });
});

describe('what is served', () => {
  test('models lists every model', async () => {
    const models = await client.models();

    const folders = readdirSync(SHIPPED, { withFileTypes: true }).filter((one) =>
      one.isDirectory(),
    );
    expect(models.map(({ name }) => name)).toEqual(folders.map(({ name }) => name).sort());
    // The task of a model is known once it is loaded.
    expect(models.filter(({ task }) => task !== undefined)).toMatchObject([
      { name: CLASSIFIER, task: 'image-classification' },
      { name: UPSCALER, task: 'image-to-image' },
    ]);
  });

  test('model gives the signature', async () => {
    const { servable } = await client.model(CLASSIFIER);

    const { signatures = {}, signature = '' } = servable ?? {};
    expect(signatures[signature]?.inputs[0]).toMatchObject({
      dtype: 'float32',
      shape: [-1, 224, 224, 3],
    });
  });

  test('a model that is not there is an error', async () => {
    await expect(client.model('nope')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });

  test('the server is live and ready', async () => {
    await expect(client.live()).resolves.toBe(true);
    await expect(client.ready()).resolves.toBe(true);
  });
});

describe('the examples of docs/client.md', () => {
  const said: Record<string, string> = {
    'top: 3': 'espresso',
    "format: 'webp'": 'image/webp 1',
    'results.entries': 'UNSUPPORTED_IMAGE_FORMAT',
    'client.predict': '[ 1, 1000 ]',
    'client.models': 'span-x2 image-to-image',
    ServingClientError: 'MODEL_NOT_FOUND 404 order-4711',
  };
  const examples = codeBlocks(readDocument('docs/client.md'), 'ts');
  let folder: string;

  beforeAll(async () => {
    // A project that has installed the package as it is built, and holds the files.
    folder = await mkdtemp(path.join(tmpdir(), 'client-'));
    await mkdir(path.join(folder, 'node_modules'));
    await symlink(ROOT, path.join(folder, 'node_modules/tfjs-serving'));
    await cp(photo(''), path.join(folder, 'test/fixtures/photos'), {
      recursive: true,
    });
  });
  afterAll(() => removeFolder(folder));

  test('each is run here', () => {
    expect(examples).toHaveLength(Object.keys(said).length);
  });

  test.each(Object.entries(said))('the one with %s says %s', async (mark, expected) => {
    const example = examples.findLast((text) => text.includes(mark)) ?? '';
    const code = example.replace('http://127.0.0.1:8080', service.url);

    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', code],
      { cwd: folder },
    );

    expect(stdout + stderr).toContain(expected);
  });
});
