#!/usr/bin/env node
/**
 * Compares saved_models/esrgan-slim-x2 with the model it was made from: TensorFlow.js runs the npm
 * package's layers model on its pure JavaScript backend, Python runs the SavedModel, both on the
 * same pixels. Prints the mean absolute difference, with pixels from 0 to 255; exits with code 1 if
 * it reaches the limit. --help shows the options.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const SCALE = 2;
/** Mean absolute difference at which the check fails, with pixels from 0 to 255. */
const LIMIT = 1;
/**
 * [batch, height, width]: square, wide, tall with odd sides, and more than one image.
 * @type {readonly (readonly [number, number, number])[]}
 */
const CROPS = [
  [1, 64, 64],
  [1, 48, 72],
  [1, 37, 21],
  [2, 40, 56],
];

const HELP = `Usage: node scripts/export/check-esrgan.mjs --package DIR [--python FILE] [--images DIR]

Compares saved_models/esrgan-slim-x2 with the model it was made from.

Options:
  --package DIR   the unpacked npm package @upscalerjs/esrgan-slim (its "package" folder)
  --python FILE   a Python with the exporters' requirements (default: python3)
  --images DIR    folder of photos to take the crops from (default: test/fixtures/photos)
  --help          show this text`;

/** @typedef {typeof import('@tensorflow/tfjs-node-gpu')} TensorFlow */
/** @typedef {Exclude<Parameters<TensorFlow['loadLayersModel']>[0], string>} IOHandler */
/** @typedef {Awaited<ReturnType<NonNullable<IOHandler['load']>>>} Artifacts */
/**
 * @typedef {{
 *   modelTopology: object,
 *   weightsManifest: { paths: string[], weights: NonNullable<Artifacts['weightSpecs']> }[],
 * }} ModelJson
 */

/**
 * TensorFlow.js on its backend in plain JavaScript: no native library is shared with the side that
 * it is compared with. It comes with tfjs-node-gpu.
 * @returns {Promise<TensorFlow>}
 */
async function plainTensorFlow() {
  const from = createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu');
  const tf = createRequire(from)('@tensorflow/tfjs');
  await tf.setBackend('cpu');
  return tf;
}

/**
 * An IO handler that reads a layers model from a folder.
 * @param {string} folder
 * @returns {IOHandler}
 */
function fromFolder(folder) {
  return {
    load() {
      /** @type {ModelJson} */
      const model = JSON.parse(readFileSync(path.join(folder, 'model.json'), 'utf8'));
      const files = model.weightsManifest.flatMap((group) => group.paths);
      const bytes = Buffer.concat(files.map((file) => readFileSync(path.join(folder, file))));
      return Promise.resolve({
        modelTopology: model.modelTopology,
        weightSpecs: model.weightsManifest.flatMap((group) => group.weights),
        weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
      });
    },
  };
}

/**
 * Centre crops of the folder's photos as raw RGB, each entry of a batch from another photo.
 * @param {string} folder
 */
async function cutCrops(folder) {
  const { default: sharp } = await import('sharp');
  const photos = readdirSync(folder)
    .filter((name) => /\.(jpe?g|png)$/i.test(name))
    .sort();
  if (photos.length === 0) throw new Error(`no photos in ${folder}`);
  let next = 0;
  const crops = [];
  for (const [batch, height, width] of CROPS) {
    const images = [];
    for (let i = 0; i < batch; i++) {
      const photo = path.join(folder, photos[next++ % photos.length] ?? '');
      const { width: w, height: h } = await sharp(photo).metadata();
      const left = Math.floor((w - width) / 2);
      const top = Math.floor((h - height) / 2);
      images.push(
        await sharp(photo)
          .extract({ left, top, width, height })
          .removeAlpha()
          .toColourspace('srgb')
          .raw()
          .toBuffer(),
      );
    }
    crops.push({ batch, height, width, pixels: Buffer.concat(images) });
  }
  return crops;
}

async function main() {
  const { values } = parseArgs({
    options: {
      package: { type: 'string' },
      python: { type: 'string', default: 'python3' },
      images: { type: 'string', default: path.join(here, '../../test/fixtures/photos') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || !values.package) {
    console.log(HELP);
    return values.help;
  }

  const tf = await plainTensorFlow();
  const model = await tf.loadLayersModel(
    fromFolder(path.join(values.package, 'models', `x${SCALE}`)),
  );

  const crops = await cutCrops(values.images);
  const work = mkdtempSync(path.join(tmpdir(), 'check-esrgan-'));
  try {
    const list = crops.map(({ batch, height, width, pixels }, index) => {
      writeFileSync(path.join(work, `${index}.in`), pixels);
      return { input: `${index}.in`, output: `${index}.out`, shape: [batch, height, width, 3] };
    });
    const reference = path.join(work, 'list.json');
    writeFileSync(reference, JSON.stringify(list));
    execFileSync(values.python, [path.join(here, 'esrgan_slim_x2.py'), '--reference', reference], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });

    let sum = 0;
    let count = 0;
    let largest = 0;
    let unequal = 0;
    for (const [index, { batch, height, width, pixels }] of crops.entries()) {
      const crop = `crop ${batch}x${height}x${width}`;
      const got = readFileSync(path.join(work, `${index}.out`));
      const expected = tf.tidy(() => {
        const [output] = [
          model.predict(tf.tensor4d(pixels, [batch, height, width, 3], 'float32')),
        ].flat();
        if (output === undefined) throw new Error('the model has no output');
        return output;
      });
      const wanted = [batch, height * SCALE, width * SCALE, 3];
      if (String(expected.shape) !== String(wanted) || got.length !== expected.size) {
        throw new Error(`${crop}: the models give different shapes`);
      }
      let cropSum = 0;
      for (const [i, value] of expected.dataSync().entries()) {
        // The original gives fractions, which its library clips. Rounding them adds 0.25 to the
        // difference on average, so `unequal` counts the values that differ once both are rounded.
        const clipped = Math.min(255, Math.max(0, value));
        const difference = Math.abs(clipped - (got[i] ?? NaN));
        cropSum += difference;
        largest = Math.max(largest, difference);
        if (Math.round(clipped) !== got[i]) unequal++;
      }
      expected.dispose();
      console.log(`${crop}: mean absolute difference ${(cropSum / got.length).toFixed(4)}`);
      sum += cropSum;
      count += got.length;
    }
    const mean = sum / count;
    console.log(
      `mean absolute difference ${mean.toFixed(4)} of 255 (limit ${LIMIT}), largest ` +
        `${largest.toFixed(4)}; ${unequal} of ${count} values differ after rounding`,
    );
    return mean < LIMIT;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

process.exitCode = (await main()) ? 0 : 1;
