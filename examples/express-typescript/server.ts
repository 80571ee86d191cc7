// Models inside an Express program, in TypeScript as an ES module, with hooks around one of them.
import type { AddressInfo } from 'node:net';

import express from 'express';
import sharp from 'sharp';
import { createServing, ServingError, type ModelHooks } from 'tfjs-serving';

const KEY = process.env.KEY ?? 'change me';

const classifier: ModelHooks = {
  // Before a request for the model is read.
  authorize: ({ headers }) => {
    if (headers['x-api-key'] === KEY) return true;
    throw new ServingError('UNAUTHENTICATED', 'Send your key as X-Api-Key');
  },
  // Every image, before the model sees it: here its middle alone.
  preprocess: async (image) => {
    const { width, height } = await sharp(image).metadata();
    const side = Math.min(width, height);
    return sharp(image).resize(side, side, { fit: 'cover' }).png().toBuffer();
  },
  // The outputs of the model for one image, and what is answered: here with how far the best is ahead.
  postprocess: ([scores], { answer }) => {
    if (scores === undefined || 'bounds' in scores.data) return undefined;
    const [best = 0, second = 0] = [...scores.data].map(Number).sort((a, b) => b - a);
    return { ...answer, margin: best - second };
  },
};

const serving = createServing({
  modelRepository: process.env.MODELS ?? 'models',
  models: ['efficientnet-lite0'],
  hooks: { 'efficientnet-lite0': classifier },
});
await serving.start();

const app = express();
app.use('/ml', serving.router);
const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`ready: http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once('SIGTERM', () => {
  server.close();
  void serving.stop();
});
