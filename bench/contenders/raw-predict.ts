import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { CLASSIFIER_INPUT, DECODE_LIMITS } from '../classifier';
import { closedLoop, serveOrders, type LoopOrder, type LoopReport } from '../closed-loop';
import { median } from '../statistics';
import { serverModule } from '../server-code';
import { loadTensorFlow } from './tensorflow';

/**
 * tfjs alone: `model.predict` through the published API on tensors that are ready, one photo at a
 * time. The decoding of the same photos is timed beside it, not within.
 */
async function main(): Promise<void> {
  const repository = process.argv[2] ?? 'saved_models';
  const tf = loadTensorFlow();
  const { preprocessImage } =
    serverModule<typeof import('../../src/imaging/preprocess')>('imaging/preprocess');
  const { configureSharp } =
    serverModule<typeof import('../../src/imaging/sharp-settings')>('imaging/sharp-settings');
  configureSharp({ concurrency: 1 });
  const model = await tf.node.loadSavedModel(path.join(repository, 'efficientnet-lite0/1'));

  serveOrders(async (order: LoopOrder): Promise<LoopReport> => {
    const photos = await Promise.all(order.photos.map((photo) => readFile(photo)));
    const decode = async (photo: Buffer): Promise<Float32Array> => {
      const { data } = await preprocessImage(photo, CLASSIFIER_INPUT, DECODE_LIMITS);
      return data instanceof Float32Array ? data : Float32Array.from(data);
    };
    const predict = (data: Float32Array): Float32Array =>
      tf.tidy(() => {
        const output = model.predict(tf.tensor(data, [1, 224, 224, 3]));
        if (!(output instanceof tf.Tensor)) throw new Error('one output was expected');
        return Float32Array.from(output.dataSync());
      });
    const decodeMs: number[] = [];
    const predictMs: number[] = [];
    const ready: Float32Array[] = [];
    for (let turn = 0; turn < Math.max(20, photos.length); turn += 1) {
      const photo = photos[turn % photos.length];
      if (photo === undefined) break;
      const began = performance.now();
      const data = await decode(photo);
      const decoded = performance.now();
      predict(data);
      predictMs.push(performance.now() - decoded);
      decodeMs.push(decoded - began);
      if (ready.length < photos.length) ready.push(data);
    }
    const [first] = ready;
    const scores = first === undefined ? new Float32Array() : predict(first);
    const timed = await closedLoop({ ...order, concurrency: 1 }, (turn) => {
      const data = ready[turn % ready.length];
      if (data !== undefined) predict(data);
      return new Promise((resolve) => setImmediate(resolve));
    });
    return {
      ...timed,
      meanBatch: 1,
      decodeMs: median(decodeMs),
      predictMs: median(predictMs),
      firstIndex: scores.indexOf(Math.max(...scores)),
    };
  });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
