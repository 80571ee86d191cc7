import path from 'node:path';

import { ImageInference } from '../../../src/inference/image-inference';
import type { PreparedImage } from '../../../src/inference/image-preparer';
import { placeAsIs } from '../../../src/imaging/geometry';
import { ByteBudget } from '../../../src/kernel/byte-budget';
import { ServingError } from '../../../src/kernel/errors';
import { RunFailedError } from '../../../src/kernel/run-failed-error';
import { Semaphore } from '../../../src/kernel/semaphore';
import type { ImageGraph } from '../../../src/models/image-graph';
import { Servable } from '../../../src/models/servable';
import { IMAGE_SIGNATURE } from '../../../src/rewriter/image/image-plan';
import { imageClassification } from '../../../src/tasks/image-classification/task';
import { imageToImage } from '../../../src/tasks/image-to-image/task';
import { FakeInstance } from '../../support/fake-instance';
import { ALL_INDEPENDENT, RecordingObserver, sourceOf } from '../../support/fake-model';
import { SHIPPED } from '../../support/service';
import { floats } from '../../support/tensors';

/** The use case over a model of real files whose instance the test plays. */

const SIDE = 224;
const CLASSES = 1000;
const DAMAGED = Buffer.from('damaged');
const PHOTO = Buffer.from('a photo');

/** A servable whose rewrite can go. */
class RewrittenServable extends Servable {
  isRewritten = false;

  override get imageGraph(): ImageGraph | undefined {
    const { image, signature } = this.spec;
    if (!this.isRewritten || image === undefined) return undefined;
    return { signatureName: IMAGE_SIGNATURE, signature, image, top: undefined, pixels: undefined };
  }
}

let instance: FakeInstance;
let servable: RewrittenServable;
let observer: RecordingObserver;
let inference: ImageInference;
/** Images that have been prepared and not released. */
let held: number;

function notUsed(): never {
  throw new Error('not used here');
}

/** Decodes nothing: what matters here is what becomes of the image then. */
const preparer: ConstructorParameters<typeof ImageInference>[0]['preparer'] = {
  withPixels: notUsed,
  headerOf: notUsed,
  decode: notUsed,
  prepareTile: notUsed,
  prepareFile: notUsed,
  plain: notUsed,
  prepare: (_servable, image): Promise<PreparedImage> => {
    if (image === DAMAGED) {
      return Promise.reject(new ServingError('UNDECODABLE_IMAGE', 'The image is damaged'));
    }
    held += 1;
    return Promise.resolve({
      tensor: {
        data: new Float32Array(SIDE * SIDE * 3),
        shape: [SIDE, SIDE, 3],
        width: SIDE,
        height: SIDE,
        validWidth: SIDE,
        validHeight: SIDE,
        source: {} as PreparedImage['tensor']['source'],
        placement: placeAsIs({ width: SIDE, height: SIDE }, 1),
      },
      release: () => {
        held -= 1;
      },
    });
  },
};

beforeEach(async () => {
  held = 0;
  observer = new RecordingObserver();
  servable = new RewrittenServable({
    source: sourceOf('efficientnet-lite0', { task: 'image-classification' }),
    version: 1,
    directory: path.join(SHIPPED, 'efficientnet-lite0', '1'),
    defaults: {
      instances: 1,
      maxBatchSize: 4,
      batchSizeSteps: 'fine',
      maxQueueDelayMs: 0,
      maxQueueSize: 3,
      queueTimeoutMs: 60_000,
    },
    runtime: {
      runTimeoutMs: 60_000,
      loadTimeoutMs: 60_000,
      rowExaminer: ALL_INDEPENDENT,
      place: () => [{ env: {}, background: true }],
      createInstance: (options) => {
        instance = new FakeInstance(options);
        instance.loaded();
        return instance;
      },
    },
  });
  await servable.load();
  inference = new ImageInference({
    manager: { acquire: () => ({ servable, release: servable.lease() }) },
    preparer,
    imaging: new Semaphore(4),
    observer,
    budget: new ByteBudget({ limit: Infinity }),
    maxOutputPixels: Infinity,
  });
});
afterEach(async () => {
  // Whatever happened, nothing is held: no picture, no place in the queue, no lease.
  expect(held).toBe(0);
  expect(servable.batcher.admission.admitted).toBe(0);
  await servable.unload();
});

/** Ends the run that comes next. */
async function nextRun(end: (run: FakeInstance['pending'][number], rows: number) => void) {
  while (instance.pending.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const run = instance.pending[0];
  if (run !== undefined) end(run, run.inputs[0]?.shape[0] ?? 0);
}

/** Scores that rise to the last class. */
function scores(rows: number) {
  const values = Array.from({ length: rows * CLASSES }, (_, i) => (i % CLASSES) / CLASSES);
  return [floats('logits', [rows, CLASSES], values)];
}

function classify(images: readonly (Buffer | ServingError)[]) {
  const asked = { task: imageClassification, parameters: { top: 1 }, wish: undefined };
  return inference.answer({ model: 'efficientnet-lite0', images }, asked);
}

test('a bad image spoils nothing for its neighbours, and each has one outcome', async () => {
  const answer = classify([PHOTO, DAMAGED, new ServingError('BAD_REQUEST', 'it is empty')]);
  await nextRun((run, rows) => {
    run.finish(scores(rows));
  });

  const { results } = await answer;
  expect(results).toMatchObject([
    { ok: true, value: { data: { predictions: [{ index: CLASSES - 1 }] } }, batchRows: 1 },
    { ok: false, error: { code: 'UNDECODABLE_IMAGE' } },
    { ok: false, error: { code: 'BAD_REQUEST' } },
  ]);
  expect(observer.outcomes.sort()).toEqual(['BAD_REQUEST', 'OK', 'UNDECODABLE_IMAGE']);
  expect(observer.stages).toEqual(['preprocess', 'queue', 'infer', 'postprocess']);
});

test('images that were queued for a rewrite that is gone run as the model is', async () => {
  servable.isRewritten = true;
  const answer = classify([PHOTO, PHOTO]);
  await nextRun((run) => {
    expect(run.request.signature).toBe(IMAGE_SIGNATURE);
    servable.isRewritten = false;
    run.fail(new RunFailedError('no signature "rewritten"', undefined));
  });
  // The batch is tried in parts first: that it fails may be the doing of one image.
  for (let part = 0; part < 2; part++) {
    await nextRun((run) => {
      run.fail(new RunFailedError('no signature "rewritten"', undefined));
    });
  }
  for (let image = 0; image < 2; image++) {
    await nextRun((run, rows) => {
      expect(run.request.signature).toBe('serving_default');
      run.finish(scores(rows));
    });
    if (observer.outcomes.length === 2) break;
  }

  expect((await answer).results).toMatchObject([{ ok: true }, { ok: true }]);
  expect(observer.outcomes).toEqual(['OK', 'OK']);
});

test('a second attempt that finds the queue full costs one image its answer, and no other', async () => {
  servable.isRewritten = true;
  const answer = classify([PHOTO]);
  await nextRun((run) => {
    servable.isRewritten = false;
    // Others have taken every place meanwhile.
    const others = servable.batcher.admission.acquire(3);
    run.fail(new RunFailedError('no signature "rewritten"', undefined));
    void answer.finally(() => {
      others.release();
    });
  });

  expect((await answer).results).toMatchObject([{ ok: false, error: { code: 'OVERLOADED' } }]);
  expect(observer.outcomes).toEqual(['OVERLOADED']);
  await new Promise((resolve) => setImmediate(resolve));
});

test('more images than the queue takes are refused before anything is decoded', async () => {
  await expect(classify([PHOTO, PHOTO, PHOTO, PHOTO])).rejects.toMatchObject({
    code: 'TOO_MANY_IMAGES',
  });

  expect(observer.outcomes).toEqual([]);
});

test('another task is refused with the right address, and nothing stays leased', async () => {
  const wrong = {
    code: 'WRONG_TASK',
    message:
      'Model efficientnet-lite0 does image-classification, not generate: POST to /models/efficientnet-lite0/classify',
  };
  const request = { model: 'efficientnet-lite0', images: [PHOTO] };
  const asked = { task: imageToImage, parameters: {}, wish: { format: 'png' } } as const;

  await expect(inference.answer(request, asked)).rejects.toMatchObject(wrong);
  expect(() => inference.admit('efficientnet-lite0', 1, 'generate')).toThrow(wrong.message);
  expect(inference.admit('efficientnet-lite0', 1, 'predict').task).toBe(imageClassification);
});
