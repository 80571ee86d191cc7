import { ImagePreparer } from '../../../src/inference/image-preparer';
import { DEFAULT_DECODE_LIMITS } from '../../../src/imaging/open-image';
import { ByteBudget } from '../../../src/kernel/byte-budget';
import { Semaphore } from '../../../src/kernel/semaphore';
import type { Servable } from '../../../src/models/servable';
import { resolveServable } from '../../../src/models/servable-spec';
import { blackPng, pngChunk } from '../../support/png';

const SIDE = 8;

/** A model that takes pictures of 8 by 8 pixels. */
function model(queueTimeoutMs = 10_000): Pick<Servable, 'name' | 'spec'> {
  const image = {
    name: 'x',
    dtype: 'float32' as const,
    tfDtype: 'DT_FLOAT',
    shape: [-1, SIDE, SIDE, 3],
    node: 'x:0',
  };
  const scores = { ...image, name: 'y', shape: [-1, 4], node: 'y:0' };
  const signature = { inputs: [image], outputs: [scores], methodName: '' };
  return {
    name: 'm',
    spec: resolveServable({}, { serving_default: signature }, undefined, {
      instances: 1,
      maxBatchSize: 4,
      batchSizeSteps: 'fine',
      maxQueueDelayMs: 0,
      maxQueueSize: 16,
      queueTimeoutMs,
    }),
  };
}

function create(): { readonly preparer: ImagePreparer; readonly budget: ByteBudget } {
  const budget = new ByteBudget({ limit: 2 ** 40 });
  const preparer = new ImagePreparer({
    limits: DEFAULT_DECODE_LIMITS,
    imaging: new Semaphore(2),
    maxLargeImages: 1,
    budget,
  });
  return { preparer, budget };
}

const small = blackPng(16, 16);
/** Of 25 megapixels, for which 200 MB are reckoned. */
const large = blackPng(5000, 5000);
const manyChunks = blackPng(
  16,
  16,
  Array.from({ length: 5000 }, () => pngChunk('tEXt', Buffer.from('a\0b'))),
);

test('what an image takes is given back when it is released, and at once when it fails', async () => {
  const { preparer, budget } = create();

  const { tensor, release } = await preparer.prepare(model(), small, undefined);
  expect(tensor.shape).toEqual([SIDE, SIDE, 3]);
  expect(budget.used).toBe(SIDE * SIDE * 3 * 4);
  release();
  release();
  await expect(preparer.prepare(model(), small.subarray(0, 60), undefined)).rejects.toMatchObject({
    code: 'UNDECODABLE_IMAGE',
  });

  expect(budget.used).toBe(0);
});

test.each([
  ['large pictures', large],
  ['pictures that take long to open', manyChunks],
])('%s leave places to the others', async (_what, costly) => {
  const { preparer, budget } = create();
  const done: string[] = [];
  const prepare = async (name: string, image: Buffer): Promise<void> => {
    const { release } = await preparer.prepare(model(), image, undefined);
    done.push(name);
    release();
  };

  const costlyOnes = ['a', 'b', 'c', 'd'].map((name) => prepare(name, costly));
  await prepare('small', small);

  expect(done.filter((name) => name !== 'small').length).toBeLessThan(3);
  await Promise.all(costlyOnes);
  expect(budget.used).toBe(0);
});

test('a large picture waits no longer than it might in the queue', async () => {
  const { preparer, budget } = create();

  const results = await Promise.allSettled(
    Array.from({ length: 4 }, () => preparer.prepare(model(1), large, undefined)),
  );

  const failed = results.filter((result) => result.status === 'rejected');
  expect(failed.length).toBeGreaterThan(0);
  for (const { reason } of failed) expect(reason).toMatchObject({ code: 'QUEUE_TIMEOUT' });
  for (const result of results) if (result.status === 'fulfilled') result.value.release();
  expect(budget.used).toBe(0);
});

test('a client that has gone is not waited for', async () => {
  const { preparer } = create();
  const gone = new AbortController();
  const first = preparer.prepare(model(), large, undefined);
  const second = preparer.prepare(model(), large, gone.signal);

  gone.abort();

  await expect(second).rejects.toMatchObject({ code: 'CLIENT_CLOSED_REQUEST' });
  (await first).release();
});

test.each([
  ['one pixel wide', blackPng(1, 33_000), /1×33000; its sides may have 32768/],
  ['too many pixels', blackPng(8000, 7000), /56000000 pixels; 50000000 are allowed/],
])('a picture %s is refused by its header', async (_what, image, message) => {
  await expect(create().preparer.prepare(model(), image, undefined)).rejects.toMatchObject({
    code: 'IMAGE_TOO_LARGE',
    message: expect.stringMatching(message),
  });
});
