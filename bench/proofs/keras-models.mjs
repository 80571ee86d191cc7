/** Rewrites large Keras models and asserts the result: see HELP. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HELP = `Usage: node bench/proofs/keras-models.mjs [options]

Rewrites MobileNetV2, ResNet50, EfficientNetB0 (random weights), a model with a tf.function behind two
signatures that share a variable, and a model with a lookup table. Fails unless every rewrite is made
and answers as its original does, and the lookup table is left alone. Prints how much faster each
rewrite is; reads the build: npm run build first.

The models are made with TensorFlow and Keras in Python. By default that is a virtual environment in a
temporary folder, from the package index (about 300 MB).

Options:
  --models DIR     models exported before (keras_models.py), a SavedModel folder each
  --python FILE    Python that has the packages of keras-requirements.txt: no virtual environment is made
  --precision LIST convert as well, into fp16, bf16 and int8 as named, separated by commas
  --rounds N       runs of each of the two that are timed, in turn (default 7)
  --help           show this text
`;

/** Models that must be left alone, with the reason; all others must be rewritten. */
const LEFT_ALONE = { lookup_table: /lookup table/ };
const TOLERANCE = 1e-4;
const REWRITE_TIMEOUT_MS = 600_000;
const WARM_UP_RUNS = 3;

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

const failures = [];

/** Notes what went wrong, and goes on with the next model. */
function expect(holds, message) {
  if (!holds) failures.push(message);
}

function exportModels(folder) {
  let python = values.python;
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

/** SavedModel folders: `name`, or `name/1` as in a model repository. */
function savedModels(folder) {
  return readdirSync(folder)
    .sort()
    .flatMap((name) =>
      [path.join(folder, name), path.join(folder, name, '1')]
        .filter((directory) => existsSync(path.join(directory, 'saved_model.pb')))
        .map((directory) => ({ name, directory })),
    );
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** How many times faster the second model runs one row. */
function ratioOf(models, signature, inputs) {
  const times = models.map(() => []);
  for (let round = -WARM_UP_RUNS; round < Number(values.rounds); round += 1) {
    models.forEach((model, index) => {
      const started = performance.now();
      model.run(signature, inputs);
      if (round >= 0) times[index].push(performance.now() - started);
    });
  }
  const [before, after] = times.map(median);
  return before / after;
}

async function checkModel({ name, directory }, scratch, backend, modules) {
  const { optimizer, randomInputs, INPUT_KINDS, convertModel } = modules;
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
  const signature = 'serving_default';
  const inputs = randomInputs(original.signatures[signature], 1, INPUT_KINDS[0], 1);
  const ratio = ratioOf([original, rewritten], signature, inputs);
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
    const folders = {
      float32: path.join(folder, 'float32'),
      converted: path.join(folder, 'converted'),
    };
    try {
      const { weightBytes } = await convertModel(directory, folders, precision, () => backend);
      const [float32, converted] = [folders.float32, folders.converted].map((one) =>
        backend.loadModel(one),
      );
      const speed = ratioOf([float32, converted], signature, inputs);
      const finite = converted
        .run(signature, inputs)
        .every(({ data }) => data.every((value) => Number.isFinite(value)));
      expect(finite, `${name} in ${precision} answers no numbers`);
      const size = weightBytes.float32 / weightBytes.converted;
      console.log(`${name}, ${precision}: weights ÷${size.toFixed(2)}, ×${speed.toFixed(2)}`);
      float32.dispose();
      converted.dispose();
    } catch (error) {
      expect(false, `${name} in ${precision}: ${error.message}`);
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main() {
  const scratch = mkdtempSync(path.join(tmpdir(), 'check-keras-'));
  try {
    const models = savedModels(values.models ?? exportModels(scratch));
    if (models.length === 0) throw new Error(`there is no SavedModel in ${values.models}`);
    const { ModelOptimizer } = require(path.join(dist, 'rewriter/model-optimizer.js'));
    const { TfjsBackend } = require(path.join(dist, 'runtime/tfjs-backend.js'));
    const optimizer = new ModelOptimizer({
      cacheDirectory: path.join(scratch, 'cache'),
      fallbackDirectory: () => scratch,
      cacheMaxBytes: 2 ** 34,
      timeoutMs: REWRITE_TIMEOUT_MS,
      runtime: 'check',
    });
    const backend = new TfjsBackend();
    const modules = {
      optimizer,
      ...require(path.join(dist, 'rewriter/random-inputs.js')),
      ...require(path.join(dist, 'commands/convert/precision/convert-model.js')),
    };
    for (const model of models) await checkModel(model, scratch, backend, modules);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  for (const failure of failures) console.error(`FAILED ${failure}`);
  console.log(failures.length === 0 ? 'all as expected' : `${failures.length} failed`);
  if (failures.length > 0) process.exitCode = 1;
}

if (values.help) process.stdout.write(HELP);
else await main();
