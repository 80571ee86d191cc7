/** Rewrites large Keras models and asserts the result: see HELP. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HELP = `Usage: node bench/proofs/keras-models.mjs [options]

Rewrites MobileNetV2, ResNet50 and EfficientNetB0 (with random weights), a model with a tf.function
behind two signatures that share a variable, and a model with a lookup table. Fails unless every
rewrite succeeds and answers as its original does, and the lookup table is left alone. Prints how much
faster each rewritten model is. Reads the build: npm run build first.

The models are made with TensorFlow and Keras in Python: by default in a virtual environment in a
temporary folder, from the package index (about 300 MB).

Options:
  --models DIR     SavedModel folders that were exported before with keras_models.py
  --python FILE    a Python with the packages of keras-requirements.txt, instead of the environment
  --precision LIST also convert, into each of fp16, bf16 and int8-weights that is named, separated by commas
  --rounds N       timed runs of each of the two models (default 7)
  --help           show this text
`;

/**
 * Models that must be left alone, with the reason; all others must be rewritten.
 * @type {Readonly<Record<string, RegExp>>}
 */
const LEFT_ALONE = { lookup_table: /lookup table/ };
const TOLERANCE = 1e-4;
const REWRITE_TIMEOUT_MS = 600_000;
const WARM_UP_RUNS = 3;
const SIGNATURE = 'serving_default';

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.resolve(here, '../../dist');
const require = createRequire(import.meta.url);
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';

const { values } = parseArgs({
  options: {
    models: { type: 'string' },
    python: { type: 'string' },
    precision: { type: 'string', default: '' },
    rounds: { type: 'string', default: '7' },
    help: { type: 'boolean', default: false },
  },
});

/** @type {string[]} */
const failures = [];

/**
 * Records a failure; the run continues.
 * @param {boolean} holds
 * @param {string} message
 */
function expect(holds, message) {
  if (!holds) failures.push(message);
}

/**
 * @param {string} folder
 * @returns the folder of the models
 */
function exportModels(folder) {
  let python = values.python;
  /** @type {import('node:child_process').ExecFileSyncOptions} */
  const log = { stdio: ['ignore', 'inherit', 'inherit'] };
  if (python === undefined) {
    const venv = path.join(folder, 'venv');
    execFileSync('python3', ['-m', 'venv', venv], log);
    python = path.join(venv, 'bin/python');
    const requirements = path.join(here, 'keras-requirements.txt');
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements], log);
  }
  const models = path.join(folder, 'models');
  execFileSync(python, [path.join(here, 'keras_models.py'), models], log);
  return models;
}

/**
 * SavedModel folders: `name`, or `name/1` as in a model repository.
 * @param {string} folder
 */
function savedModels(folder) {
  return readdirSync(folder)
    .sort()
    .flatMap((name) =>
      [path.join(folder, name), path.join(folder, name, '1')]
        .filter((directory) => existsSync(path.join(directory, 'saved_model.pb')))
        .map((directory) => ({ name, directory })),
    );
}

/** @typedef {import('../../src/runtime/backend.js').LoadedModel} LoadedModel */
/** @typedef {import('../../src/kernel/tensor.js').Tensor} Tensor */
/** @typedef {import('../../src/commands/convert/precision/precision.js').SimplePrecision} Precision */

/** @param {readonly number[]} numbers */
const median = (numbers) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;

/**
 * Milliseconds of one run.
 * @param {LoadedModel} model
 * @param {readonly Tensor[]} inputs
 */
function time(model, inputs) {
  const started = performance.now();
  model.run(SIGNATURE, inputs);
  return performance.now() - started;
}

/**
 * How many times faster the second model runs one row.
 * @param {LoadedModel} first
 * @param {LoadedModel} second
 * @param {readonly Tensor[]} inputs
 */
function ratioOf(first, second, inputs) {
  /** @type {number[]} */
  const before = [];
  /** @type {number[]} */
  const after = [];
  for (let round = -WARM_UP_RUNS; round < Number(values.rounds); round += 1) {
    const [one, other] = [time(first, inputs), time(second, inputs)];
    if (round < 0) continue;
    before.push(one);
    after.push(other);
  }
  return median(before) / median(after);
}

/**
 * The compiled code that is checked.
 * @param {string} scratch folder for rewritten models
 */
function loadBuild(scratch) {
  /** @type {typeof import('../../src/rewriter/model-optimizer.js')} */
  const { ModelOptimizer } = require(path.join(dist, 'rewriter/model-optimizer.js'));
  /** @type {typeof import('../../src/rewriter/random-inputs.js')} */
  const { INPUT_KINDS, randomInputs } = require(path.join(dist, 'rewriter/random-inputs.js'));
  /** @type {typeof import('../../src/runtime/tfjs-backend.js')} */
  const { TfjsBackend } = require(path.join(dist, 'runtime/tfjs-backend.js'));
  /** @type {typeof import('../../src/commands/convert/precision/convert-model.js')} */
  const { convertModel } = require(path.join(dist, 'commands/convert/precision/convert-model.js'));
  const [kind] = INPUT_KINDS;
  if (kind === undefined) throw new Error('there are no INPUT_KINDS');
  const backend = new TfjsBackend();
  const optimizer = new ModelOptimizer({
    cacheDirectory: path.join(scratch, 'cache'),
    fallbackDirectory: () => scratch,
    cacheMaxBytes: 2 ** 34,
    timeoutMs: REWRITE_TIMEOUT_MS,
    runtime: 'check',
    device: backend.device,
  });
  return { backend, convertModel, kind, optimizer, randomInputs };
}

/**
 * @param {{ name: string, directory: string }} model
 * @param {string} scratch
 * @param {ReturnType<typeof loadBuild>} build
 */
async function checkModel({ name, directory }, scratch, build) {
  const { backend, kind, optimizer, randomInputs } = build;
  const result = await optimizer.optimize(directory);
  const reason = LEFT_ALONE[name];
  if (reason !== undefined) {
    expect(
      result.state === 'original' && reason.test(result.reason),
      `${name} must be left alone for its ${String(reason)}: ${JSON.stringify(result)}`,
    );
    console.log(`${name}: ${result.state === 'original' ? result.reason : 'rewritten'}`);
    return;
  }
  if (result.state === 'original') {
    expect(false, `${name} is left alone: ${result.reason}`);
    return;
  }
  const { variables, nodesBefore, nodesAfter, maxRelativeDifference } = result.report;
  expect(maxRelativeDifference <= TOLERANCE, `${name} differs by ${maxRelativeDifference}`);
  const [original, rewritten] = [backend.loadModel(directory), backend.loadModel(result.directory)];
  const signature = original.signatures[SIGNATURE];
  if (signature === undefined) {
    expect(false, `${name} has no signature ${SIGNATURE}`);
    return;
  }
  const inputs = randomInputs(signature, 1, kind, 1);
  const ratio = ratioOf(original, rewritten, inputs);
  expect(Number.isFinite(ratio) && ratio > 0, `${name}: no ratio was measured`);
  expect(
    Object.keys(original.signatures).sort().join() ===
      Object.keys(rewritten.signatures).sort().join(),
    `${name} has other signatures now`,
  );
  console.log(
    `${name}: ×${ratio.toFixed(2)} at batch 1, ${variables} variables, ${nodesBefore} → ${nodesAfter} nodes, differs by ${maxRelativeDifference.toExponential(1)}`,
  );
  original.dispose();
  rewritten.dispose();
  for (const precision of values.precision.split(',').filter((one) => one !== '')) {
    const folder = mkdtempSync(path.join(scratch, `${name}-`));
    try {
      await checkPrecision({ name, directory }, /** @type {Precision} */ (precision), folder, {
        ...build,
        inputs,
      });
    } catch (error) {
      expect(false, `${name} in ${precision}: ${String(error)}`);
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {{ name: string, directory: string }} model
 * @param {Precision} precision
 * @param {string} folder for the converted model
 * @param {ReturnType<typeof loadBuild> & { inputs: Tensor[] }} build
 */
async function checkPrecision({ name, directory }, precision, folder, build) {
  const { backend, convertModel, inputs } = build;
  const folders = {
    float32: path.join(folder, 'float32'),
    converted: path.join(folder, 'converted'),
  };
  const { weightBytes } = await convertModel(directory, folders, precision, () => backend);
  const float32 = backend.loadModel(folders.float32);
  const converted = backend.loadModel(folders.converted);
  const speed = ratioOf(float32, converted, inputs);
  const finite = converted
    .run(SIGNATURE, inputs)
    // The other kind of tensor holds strings.
    .every(({ data }) => 'bounds' in data || Array.from(data, Number).every(Number.isFinite));
  expect(finite, `${name} in ${precision} answers values that are not numbers`);
  const size = weightBytes.float32 / weightBytes.converted;
  console.log(`${name}, ${precision}: weights ÷${size.toFixed(2)}, ×${speed.toFixed(2)}`);
  float32.dispose();
  converted.dispose();
}

async function main() {
  const scratch = mkdtempSync(path.join(tmpdir(), 'check-keras-'));
  try {
    const models = savedModels(values.models ?? exportModels(scratch));
    if (models.length === 0) throw new Error(`there is no SavedModel in ${values.models}`);
    const build = loadBuild(scratch);
    for (const model of models) await checkModel(model, scratch, build);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  for (const failure of failures) console.error(`FAILED ${failure}`);
  console.log(failures.length === 0 ? 'all as expected' : `${failures.length} failed`);
  if (failures.length > 0) process.exitCode = 1;
}

if (values.help) process.stdout.write(HELP);
else await main();
