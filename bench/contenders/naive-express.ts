import { readdirSync } from 'node:fs';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import express, { type Request, type Response } from 'express';
import multer from 'multer';
import sharp from 'sharp';
import { z } from 'zod';

import { loadTensorFlow } from './tensorflow';

/**
 * The server that tutorials show: Express, multer in memory, sharp, `tf.node.loadSavedModel` and a
 * `predict` for each request on the thread that also does the HTTP.
 */
async function main(): Promise<void> {
  const [repository = '', port = '0'] = process.argv.slice(2);
  const tf = loadTensorFlow();
  const models = new Map<string, Awaited<ReturnType<typeof tf.node.loadSavedModel>>>();
  for (const name of readdirSync(repository)) {
    models.set(name, await tf.node.loadSavedModel(path.join(repository, name, '1')));
  }

  const modelOf = (request: Request) => {
    const model = models.get(String(request.params.name));
    if (model === undefined) throw new Error('no such model');
    return model;
  };

  const app = express();
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();

  const readers = [
    multer({ storage: multer.memoryStorage() }).single('image'),
    express.raw({ type: 'image/*', limit: '64mb' }),
    express.json({ limit: '64mb' }),
  ];

  app.post('/models/:name/classify', ...readers, async (request: Request, response: Response) => {
    const model = modelOf(request);
    const { data, info } = await sharp(imageOf(request))
      .resize(224, 224)
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    const scores = tf.tidy(() => {
      const image = tf.tensor3d(new Uint8Array(data), [info.height, info.width, 3], 'int32');
      const input = image.toFloat().sub(127).div(128).expandDims(0);
      const output = model.predict(input);
      if (!(output instanceof tf.Tensor)) throw new Error('one output was expected');
      return tf.softmax(output.squeeze()).dataSync();
    });
    const predictions = Array.from(scores, (score, index) => ({ index, score }))
      .sort((a, b) => b.score - a.score)
      .slice(0, 5);
    response.json({ predictions });
  });

  app.post('/models/:name/generate', ...readers, async (request: Request, response: Response) => {
    const model = modelOf(request);
    const { data, info } = await sharp(imageOf(request))
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    const { pixels, height, width } = tf.tidy(() => {
      const image = tf.tensor3d(new Uint8Array(data), [info.height, info.width, 3], 'int32');
      const output = model.predict(image.expandDims(0));
      if (!(output instanceof tf.Tensor)) throw new Error('one output was expected');
      const [, outHeight = 0, outWidth = 0] = output.shape;
      return {
        pixels: Uint8Array.from(output.dataSync()),
        height: outHeight,
        width: outWidth,
      };
    });
    const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer();
    response.type('png').send(png);
  });

  app.get('/health', (_request, response) => {
    response.json({ ok: true });
  });
  app.get('/stats', (_request, response) => {
    const loopP99Ms = Math.max(0, delay.percentile(99) / 1e6 - 10);
    delay.reset();
    response.json({ loopP99Ms });
  });
  app.listen(Number(port), '127.0.0.1');
}

const jsonBody = z.object({ image: z.object({ b64: z.string() }) });

function imageOf(request: Request): Buffer {
  if (request.file !== undefined) return request.file.buffer;
  if (request.body instanceof Buffer) return request.body;
  return Buffer.from(jsonBody.parse(request.body).image.b64, 'base64');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
