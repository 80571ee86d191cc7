import { readFile } from 'node:fs/promises';
import path from 'node:path';

import sharp from 'sharp';

import { CLASSIFIER_INPUT, DECODE_LIMITS } from './classifier';
import { maskStage } from './mask-stage';
import { PHOTOS, ROOT } from './paths';
import { photosOf } from './photos';
import { serverModule } from './server-code';
import { figure, markdownTable } from './table';

const WIDTHS = [320, 640, 1280, 2560, 4000];
const BATCHES = [1, 2, 4, 8, 16, 32];
/** Of CPU time, for each figure. */
const ENOUGH_MS = 1500;

interface Cost {
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** Means over as many calls as take ENOUGH_MS, after one that is not counted. */
async function costOf(call: () => unknown): Promise<Cost> {
  await call();
  const began = performance.now();
  const before = process.cpuUsage();
  let calls = 0;
  for (;;) {
    await call();
    calls += 1;
    const { user, system } = process.cpuUsage(before);
    const cpuMs = (user + system) / 1000;
    if (cpuMs >= ENOUGH_MS) {
      return { cpuMs: cpuMs / calls, wallMs: (performance.now() - began) / calls };
    }
  }
}

async function decodeRows(): Promise<string[][]> {
  const { preprocessImage } =
    serverModule<typeof import('../src/imaging/preprocess')>('imaging/preprocess');
  const { configureSharp } =
    serverModule<typeof import('../src/imaging/sharp-settings')>('imaging/sharp-settings');
  configureSharp({ concurrency: 1 });
  const [large = ''] = await photosOf('large');
  const rows: string[][] = [];
  for (const width of WIDTHS) {
    const jpeg = await sharp(large).resize({ width }).jpeg({ quality: 90 }).toBuffer();
    const { cpuMs } = await costOf(() => preprocessImage(jpeg, CLASSIFIER_INPUT, DECODE_LIMITS));
    const pixels = (width * width * 3) / 4 / 1e6;
    rows.push([
      `${String(width)} × ${String((width * 3) / 4)}`,
      figure(pixels),
      figure(jpeg.length / 1024),
      figure(cpuMs),
      figure(cpuMs / pixels),
    ]);
  }
  return rows;
}

async function normalizeCost(): Promise<Cost> {
  const { writeNormalized } =
    serverModule<typeof import('../src/imaging/normalize')>('imaging/normalize');
  const pixels = new Uint8Array(224 * 224 * 3).map((_, index) => index % 256);
  const target = new Float32Array(pixels.length);
  return costOf(() => {
    writeNormalized(pixels, target, CLASSIFIER_INPUT.normalization, {
      width: 224,
      height: 224,
      channels: 3,
      layout: 'NHWC',
      bgr: false,
    });
  });
}

async function runRows(): Promise<string[][]> {
  const { TfjsBackend } =
    serverModule<typeof import('../src/runtime/tfjs-backend')>('runtime/tfjs-backend');
  const model = new TfjsBackend().loadModel(path.join(ROOT, 'saved_models/efficientnet-lite0/1'));
  const rows: string[][] = [];
  for (const batch of BATCHES) {
    const input = {
      name: 'images',
      dtype: 'float32',
      shape: [batch, 224, 224, 3],
      data: new Float32Array(batch * 224 * 224 * 3).fill(0.5),
    } as const;
    const { cpuMs, wallMs } = await costOf(() => model.run('serving_default', [input], ['logits']));
    rows.push([String(batch), figure(cpuMs), figure(cpuMs / batch), figure(wallMs / batch)]);
  }
  return rows;
}

/**
 * CPU time of each stage of the shipped classifier, one after the other in one process: what
 * docs/performance.md says a stage costs. CPU time, because it hardly changes with what else the
 * machine does.
 */
async function main(): Promise<void> {
  const threads = process.argv[2] ?? '1';
  process.env.TF_NUM_INTRAOP_THREADS = threads;
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  const photo = await readFile(path.join(PHOTOS, 'coffee.jpg'));
  console.log('## Decode, crop and resize to 224 × 224, normalise\n');
  console.log(
    markdownTable(['JPEG', 'megapixels', 'KiB', 'CPU ms', 'CPU ms/megapixel'], await decodeRows()),
  );
  const { cpuMs } = await normalizeCost();
  console.log(
    `\nof which normalising ${figure(cpuMs)} ms; the photo of ${String(photo.length)} bytes\n`,
  );
  const mask = await costOf(maskStage());
  console.log('## Mask of one class, 256 × 256 to a PNG of 640 × 480\n');
  console.log(`${figure(mask.cpuMs)} ms\n`);
  console.log(`## Model run, ${threads} intra-op threads\n`);
  console.log(markdownTable(['batch', 'CPU ms', 'CPU ms/image', 'wall ms/image'], await runRows()));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
