import path from 'node:path';

import sharp from 'sharp';

import type { ServableOptions } from '../../../src/models/servable';
import { DEFAULT_DECODE_LIMITS } from '../../../src/imaging/open-image';
import { ImageInference } from '../../../src/inference/image-inference';
import type { TileProgress } from '../../../src/inference/inference-observer';
import { ImagePreparer } from '../../../src/inference/image-preparer';
import { ByteBudget } from '../../../src/kernel/byte-budget';
import { RunFailedError } from '../../../src/kernel/run-failed-error';
import { Semaphore } from '../../../src/kernel/semaphore';
import type { ModelConfig } from '../../../src/models/model-config';
import { imageToImage } from '../../../src/tasks/image-to-image/task';
import type { FakeInstance } from '../../support/fake-instance';
import { fakeModel, RecordingObserver, sourceOf, type FakeModel } from '../../support/fake-model';
import { SHIPPED } from '../../support/service';
import { floats } from '../../support/tensors';

/** Images in tiles through the use case, over the shipped model whose instances the test plays. */

const TILE = 32;
const QUEUE = 5;
const CONFIG = {
  task: 'image-to-image',
  input: { name: 'image', dynamic: { minSize: 8, maxSize: TILE, multipleOf: 1 } },
  output: { name: 'upscaled', valueRange: [0, 255] },
  tiling: { size: TILE, overlap: 8 },
} as unknown as ModelConfig;
const DEFAULTS: ServableOptions['defaults'] = {
  instances: 1,
  maxBatchSize: 4,
  batchSizeSteps: 'fine',
  maxQueueDelayMs: 0,
  maxQueueSize: QUEUE,
  queueTimeoutMs: 60_000,
};

/** 8 × 2 tiles. */
const photo = sharp({ create: { width: 200, height: 56, channels: 3, background: '#336699' } })
  .png()
  .toBuffer();
const TILES = 16;

let model: FakeModel;
let budget: ByteBudget;
let observer: RecordingObserver & { tiles?: (...report: [string, number, TileProgress]) => void };

async function load(config: ModelConfig = CONFIG): Promise<FakeInstance> {
  const source = {
    ...sourceOf('span-x2', { warmup: { enabled: false, iterations: 1 }, ...config }),
    directory: path.join(SHIPPED, 'span-x2'),
  };
  model = await fakeModel(source, { defaults: DEFAULTS });
  const [instance] = model.instances;
  if (instance === undefined) throw new Error('there is no instance');
  return instance;
}

beforeEach(() => {
  budget = new ByteBudget({ limit: 2 ** 30 });
  observer = new RecordingObserver();
});
afterEach(async () => {
  // Whatever happened: no place in the queue, no bytes, no lease.
  expect(model.servable.batcher.admission.admitted).toBe(0);
  expect(model.servable.batcher.queueDepth).toBe(0);
  expect(budget.used).toBe(0);
  await model.servable.unload();
});

async function generate(signal?: AbortSignal, maxOutputPixels = 1_000_000) {
  const imaging = new Semaphore(2);
  const inference = new ImageInference({
    manager: { acquire: () => ({ servable: model.servable, release: model.servable.lease() }) },
    preparer: new ImagePreparer({
      limits: DEFAULT_DECODE_LIMITS,
      imaging,
      maxLargeImages: 1,
      budget,
    }),
    imaging,
    observer,
    budget,
    maxOutputPixels,
  });
  const { results } = await inference.answer(
    { model: 'span-x2', images: [await photo], signal },
    { task: imageToImage, parameters: {}, wish: { format: 'png' } },
  );
  return results[0];
}

async function untilRun(instance: FakeInstance): Promise<FakeInstance['pending'][number]> {
  for (;;) {
    const [run] = instance.pending;
    if (run !== undefined) return run;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Answers the run that comes next. @returns its rows */
async function answerNext(instance: FakeInstance, value = 100): Promise<number> {
  const run = await untilRun(instance);
  const [rows = 0, height = 0, width = 0] = run.inputs[0]?.shape ?? [];
  const shape = [rows, 2 * height, 2 * width, 3];
  run.finish([
    floats('upscaled', shape, new Array<number>(rows * 12 * height * width).fill(value)),
  ]);
  return rows;
}

test('every tile is run, at most two at once, and the picture is twice the size', async () => {
  const instance = await load();
  const answer = generate();

  let rows = 0;
  let admitted = 0;
  while (rows < TILES) {
    rows += await answerNext(instance);
    admitted = Math.max(admitted, model.servable.batcher.admission.admitted);
  }

  const result = await answer;
  expect(result).toMatchObject({ ok: true, value: { picture: { width: 400, height: 112 } } });
  expect(rows).toBe(TILES);
  expect(admitted).toBe(2);
  if (result?.ok === true) {
    expect(result.batchRows).toBeLessThanOrEqual(2);
    const pixels = await sharp(result.value.picture?.bytes).raw().toBuffer();
    expect(pixels.every((value) => value === 100)).toBe(true);
  }
  expect(observer.stages).toEqual(['preprocess', 'queue', 'infer', 'postprocess']);
  expect(observer.outcomes).toEqual(['OK']);
});

test('tiles in flight are as many as model.json says, and no more than the queue holds', async () => {
  const instance = await load({ ...CONFIG, tiling: { size: TILE, overlap: 8, maxInFlight: 100 } });
  const answer = generate();

  let rows = 0;
  let admitted = 0;
  while (rows < TILES) {
    rows += await answerNext(instance);
    admitted = Math.max(admitted, model.servable.batcher.admission.admitted);
  }

  expect(await answer).toMatchObject({ ok: true });
  expect(admitted).toBe(QUEUE);
});

test('where the queue has no room for its tiles, an image is refused before it is decoded', async () => {
  await load();
  const others = model.servable.batcher.admission.acquire(QUEUE - 1);

  const result = await generate();
  others.release();

  expect(result).toMatchObject({ ok: false, error: { code: 'OVERLOADED' } });
  expect(observer.stages).toEqual([]);
});

test('one tile that fails fails the image, and no more are run', async () => {
  const instance = await load();
  const answer = generate();

  await answerNext(instance);
  await answerNext(instance);
  const failed = { status: false };
  void answer.finally(() => {
    failed.status = true;
  });
  // Two that ran together are tried again one by one.
  while (!failed.status) {
    instance.pending[0]?.fail(new RunFailedError('a shape is wrong', 'INVALID_ARGUMENT'));
    await new Promise((resolve) => setImmediate(resolve));
  }

  expect(await answer).toMatchObject({
    ok: false,
    error: {
      code: 'INFERENCE_FAILED',
      message: expect.stringMatching(
        /^The image was run in tiles, and tile \d of 16 \(32×32 at \d+,0\) failed: .*a shape is wrong/,
      ) as unknown,
    },
  });
  expect(instance.pending).toEqual([]);
});

test('when the client has gone, the tiles that wait are not run', async () => {
  const instance = await load();
  const client = new AbortController();
  const answer = generate(client.signal);

  await answerNext(instance);
  await untilRun(instance);
  client.abort();
  await answerNext(instance);

  expect(await answer).toMatchObject({ ok: false, error: { code: 'CLIENT_CLOSED_REQUEST' } });
  expect(instance.pending).toEqual([]);
});

test.each([
  ['more pixels than are allowed', 400 * 112 - 1, 2 ** 30, 'IMAGE_TOO_LARGE', 'maxOutputPixels'],
  ['more bytes than may be held', 1_000_000, 100_000, 'IMAGE_TOO_LARGE', 'maxBytesInFlight'],
])('an answer of %s is refused after the first tile', async (_what, pixels, bytes, code, says) => {
  const instance = await load();
  budget = new ByteBudget({ limit: bytes });
  const answer = generate(undefined, pixels);

  await answerNext(instance);

  expect(await answer).toMatchObject({
    ok: false,
    error: { code, message: expect.stringContaining(says) as unknown },
  });
  expect(instance.pending).toEqual([]);
});

test('an image that fits is run as a whole, and without tiling a larger one is refused', async () => {
  await load({ ...CONFIG, tiling: false });

  expect(await generate()).toMatchObject({
    ok: false,
    error: { code: 'IMAGE_SIZE_NOT_ALLOWED' },
  });
});
