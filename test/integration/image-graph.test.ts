import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import sharp from 'sharp';

import type { Service } from '../../src/compose';
import { imageClassification } from '../../src/tasks/image-classification/task';
import { imageToImage } from '../../src/tasks/image-to-image/task';
import { instancesOf, until } from '../support/instance-processes';
import { writePictureModel } from '../support/picture-model';
import {
  makeRepository,
  photo,
  removeFolder,
  shippedModel,
  startTestService,
  SHIPPED,
} from '../support/service';
import { floats } from '../support/tensors';

const PHOTOS = ['coffee.jpg', 'astronaut.jpg', 'camera-grey.jpg'];
const CLASSIFIER = path.join(SHIPPED, 'efficientnet-lite0');
const classifierConfig = JSON.parse(
  readFileSync(path.join(CLASSIFIER, 'model.json'), 'utf8'),
) as object;
const PICTURES = {
  task: 'image-to-image',
  input: {
    colorOrder: 'bgr',
    normalization: 'minus-one-to-one',
    dynamic: { minSize: 8, maxSize: 400, multipleOf: 8 },
  },
  output: { valueRange: [-1, 0.8] },
};

let folder: string;
let repository: string;
let service: Service;
let small: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'image-graph-'));
  const source = path.join(folder, 'pictures');
  await writePictureModel(source, {
    layout: 'NCHW',
    network: { kind: 'scaled', gain: -0.9, shift: 0.1 },
  });
  const classifier = { from: path.join(CLASSIFIER, '1'), settings: CLASSIFIER };
  repository = await makeRepository({
    on: shippedModel('efficientnet-lite0'),
    off: { ...classifier, config: { ...classifierConfig, optimize: false } },
    'pictures-on': { from: source, config: PICTURES },
    'pictures-off': { from: source, config: { ...PICTURES, optimize: false } },
    'pictures-before': { from: source, config: { ...PICTURES, optimize: { postprocess: false } } },
    'pictures-neither': {
      from: source,
      config: { ...PICTURES, optimize: { preprocess: false, postprocess: false } },
    },
  });
  service = await startTestService({
    modelRepository: repository,
    optimize: true,
    cache: path.join(folder, 'cache'),
  });
  small = await sharp(photo('coffee.jpg')).resize(61, 43).png().toBuffer();
});

afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(async () => {
  await service.stop();
  await removeFolder(repository);
  await removeFolder(folder);
});

async function call(address: string, body?: unknown): Promise<any> {
  const response = await fetch(service.url + address, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: { 'Content-Type': 'application/json' },
  });
  return { status: response.status, ...((await response.json()) as object) };
}

async function classify(model: string, file: string, top: number): Promise<any[]> {
  const asked = { task: imageClassification, parameters: { top }, wish: undefined };
  const request = { model, images: [readFileSync(photo(file))] };
  const [result] = (await service.inference.answer(request, asked)).results;
  if (result?.ok !== true) throw new Error(result?.error.message);
  return result.value.data.predictions as any[];
}

async function generate(model: string): Promise<{ data: Buffer; width: number; height: number }> {
  const asked = { task: imageToImage, parameters: {}, wish: { format: 'png' } } as const;
  const request = { model, images: [small] };
  const [result] = (await service.inference.answer(request, asked)).results;
  if (result?.ok !== true) throw new Error(result?.error.message);
  const { data, info } = await sharp(result.value.picture?.bytes)
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

test.each(PHOTOS)('%s has the same classes with all in the graph as with none', async (file) => {
  // The graph ranks 5; 8 are ranked outside of it.
  for (const top of [1, 5, 8]) {
    const before = await classify('off', file, top);
    const after = await classify('on', file, top);

    expect(after).toHaveLength(top);
    expect(after[0]).toMatchObject({ index: before[0].index, label: before[0].label });
    const scoreOf = new Map(before.map(({ index, score }) => [index, score]));
    for (const { index, score } of after) {
      expect(Math.abs(score - (scoreOf.get(index) ?? 1))).toBeLessThanOrEqual(1e-4);
    }
  }
});

test('photos that share a batch get their own answers', async () => {
  const images = [...PHOTOS, ...PHOTOS].map((file) => readFileSync(photo(file)));

  const asked = { task: imageClassification, parameters: { top: 1 }, wish: undefined };
  const { results } = await service.inference.answer({ model: 'on', images }, asked);

  const together = results.map((result) =>
    result.ok ? (result.value.data.predictions as any[])[0].index : result.error,
  );
  const alone = await Promise.all(
    PHOTOS.map(async (file) => (await classify('off', file, 1))[0].index as number),
  );
  expect(together).toEqual([...alone, ...alone]);
});

test('a picture made in the graph differs by one level at most, padding cut off', async () => {
  const before = await generate('pictures-off');

  for (const model of ['pictures-on', 'pictures-before', 'pictures-neither']) {
    const after = await generate(model);
    expect(after).toMatchObject({ width: 61, height: 43 });
    const differences = after.data.map((value, i) => Math.abs(value - (before.data[i] ?? 0)));
    expect(differences).toHaveLength(61 * 43 * 3);
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
  }
});

test('the status says what is in the graph', async () => {
  const imageOf = async (model: string): Promise<unknown> =>
    (await call(`/models/${model}`)).servable.optimization;

  expect(await imageOf('on')).toMatchObject({
    state: 'optimized',
    image: { preprocess: true, postprocess: true },
  });
  expect(await imageOf('pictures-on')).toMatchObject({
    variables: 0,
    image: { preprocess: true, postprocess: true },
  });
  expect(await imageOf('pictures-before')).toMatchObject({
    image: { preprocess: true, postprocess: false },
  });
  expect(await imageOf('pictures-neither')).toEqual({
    state: 'original',
    reason: 'it has no variables: nothing to gain',
  });
  expect(await imageOf('off')).toEqual({
    state: 'original',
    reason: 'model.json says optimize: false',
  });
});

test('the signature for images is neither shown nor open to clients', async () => {
  const name = 'tfjs_serving';
  for (const address of ['/models/on', '/v1/models/on/metadata', '/v2/models/on']) {
    expect(JSON.stringify(await call(address))).not.toContain(name);
  }

  const predict = await call('/v1/models/on:predict', {
    signature_name: 'tfjs_serving_image',
    inputs: [[[[1, 2, 3]]]],
  });
  expect(predict.status).toBe(400);
  expect(predict.error).toMatch(/signature/);
  const output = await call('/v2/models/pictures-on/infer', {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3, 1, 1], data: [1, 2, 3] }],
    outputs: [{ name: 'tfjs_serving_pixels_out' }],
  });
  expect(output.status).toBe(400);
  expect(output.error).toMatch(/tfjs_serving_pixels_out/);
});

test.each([
  ['pictures-on', [1, 3, 401, 8], /8×401; the model takes sides of at most 400 pixels/],
  ['pictures-off', [1, 3, 8, 401], /401×8; the model takes sides of at most 400 pixels/],
])('pictures that come as numbers are held to the sizes of %s', async (model, shape, message) => {
  const data = new Array<number>(shape.reduce((product, side) => product * side, 1)).fill(0);
  const inputs = [{ name: 'x', datatype: 'FP32', shape, data }];

  const { status, error } = await call(`/v2/models/${model}/infer`, { inputs });

  expect(status).toBe(422);
  expect(error).toMatch(message);
});

test('an instance that starts when the rewrite is gone serves images with the original', async () => {
  const before = await generate('pictures-off');
  const { servable, release } = service.manager.acquire('pictures-before');
  const [instance] = instancesOf(
    servable.optimization?.state === 'optimized' ? servable.optimization.directory : '',
  );
  await rm(path.join(folder, 'cache'), { recursive: true });
  process.kill(instance?.id ?? 0, 'SIGSTOP');
  const inputs = [floats('x', [1, 3, 1, 1], [1, 0, -1])];
  const retried = servable.batcher.submit(
    { signature: 'serving_default', inputs, rows: 1 },
    servable.batcher.admission.acquire(1),
  );
  const meanwhile = generate('pictures-before');
  await until(() => servable.batcher.queueDepth === 1);
  process.kill(instance?.id ?? 0, 'SIGKILL');

  await expect(retried).resolves.toHaveProperty('outputs');
  expect(servable.instances.restarts).toBe(1);
  const after = await generate('pictures-before');
  release();

  expect(after.data.equals(before.data)).toBe(true);
  // It was on its way to the rewrite.
  expect((await meanwhile).data.equals(before.data)).toBe(true);
  expect((await call('/models/pictures-before')).servable.optimization).toMatchObject({
    state: 'original',
    reason: expect.stringMatching(/removed from the cache/),
  });
});

test('tensors run through the signature of the model as before', async () => {
  const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 3, 1, 1], data: [1, 0, -1] }];

  const answer = await call('/v2/models/pictures-on/infer', { inputs });

  expect(answer.outputs).toHaveLength(1);
  expect(answer.outputs[0]).toMatchObject({ name: 'y', datatype: 'FP32', shape: [1, 3, 1, 1] });
  const [first, second, third] = answer.outputs[0].data as number[];
  expect(first).toBeCloseTo(-0.8, 5);
  expect(second).toBeCloseTo(0.1, 5);
  expect(third).toBeCloseTo(1, 5);
});
