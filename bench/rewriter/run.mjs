/** Original against rewritten SavedModels: see HELP. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HELP = `Usage: npm run bench:rewriter -- [options] [FOLDER ...]

Rewrites each SavedModel folder, checks the result, and times runs of the original and the rewritten
model in turn. Without folders: the shipped models. Reads the build: npm run build first.

Options:
  --batch 1,8   batch sizes, separated by commas
  --rounds N    timed runs of each of the two models (default 21)
  --help        show this text
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    batch: { type: 'string', default: '1,8' },
    rounds: { type: 'string', default: '21' },
    help: { type: 'boolean', default: false },
  },
});
const WARM_UP_RUNS = 5;
const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';

/** @typedef {import('../../src/runtime/backend.js').LoadedModel} LoadedModel */
/** @typedef {import('../../src/kernel/tensor.js').Tensor} Tensor */

/** @param {readonly number[]} numbers */
const median = (numbers) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;

/**
 * Milliseconds of one run.
 * @param {LoadedModel} model
 * @param {string} name of the signature
 * @param {readonly Tensor[]} inputs
 */
function time(model, name, inputs) {
  const started = performance.now();
  model.run(name, inputs);
  return performance.now() - started;
}

async function main() {
  /** @type {typeof import('../../src/rewriter/model-optimizer.js')} */
  const { ModelOptimizer } = require(path.join(root, 'dist/rewriter/model-optimizer.js'));
  /** @type {typeof import('../../src/rewriter/random-inputs.js')} */
  const { INPUT_KINDS, randomInputs } = require(path.join(root, 'dist/rewriter/random-inputs.js'));
  /** @type {typeof import('../../src/runtime/tfjs-backend.js')} */
  const { TfjsBackend } = require(path.join(root, 'dist/runtime/tfjs-backend.js'));
  const backend = new TfjsBackend();
  const folders =
    positionals.length > 0
      ? positionals
      : ['efficientnet-lite0', 'span-x2'].map((model) =>
          path.join(root, 'saved_models', model, '1'),
        );
  const [kind] = INPUT_KINDS;
  if (kind === undefined) throw new Error('there are no INPUT_KINDS');
  const cache = mkdtempSync(path.join(tmpdir(), 'bench-optimizer-'));
  const optimizer = new ModelOptimizer({
    cacheDirectory: cache,
    fallbackDirectory: () => cache,
    cacheMaxBytes: 2 ** 34,
    timeoutMs: 600_000,
    runtime: 'bench',
    device: backend.device,
  });
  try {
    console.log(`${cpus().length} × ${cpus()[0]?.model}, TensorFlow ${backend.tensorflowVersion}`);
    console.log('| model | batch | original ms | rewritten ms | ratio | largest difference |');
    console.log('| --- | --- | --- | --- | --- | --- |');
    for (const folder of folders) {
      const label = path.basename(path.dirname(path.resolve(folder)));
      const result = await optimizer.optimize(folder);
      if (result.state === 'original') {
        console.log(`| ${label} | left alone: ${result.reason} |`);
        continue;
      }
      const original = backend.loadModel(folder);
      const rewritten = backend.loadModel(result.directory);
      const name = 'serving_default';
      const signature = original.signatures[name];
      if (signature === undefined) throw new Error(`${label} has no signature ${name}`);
      for (const batch of values.batch.split(',').map(Number)) {
        const inputs = randomInputs(signature, batch, kind, 1);
        /** @type {number[]} */
        const before = [];
        /** @type {number[]} */
        const after = [];
        for (let round = -WARM_UP_RUNS; round < Number(values.rounds); round++) {
          const [one, other] = [time(original, name, inputs), time(rewritten, name, inputs)];
          if (round < 0) continue;
          before.push(one);
          after.push(other);
        }
        const [originalMs, rewrittenMs] = [median(before), median(after)];
        console.log(
          `| ${label} | ${batch} | ${originalMs.toFixed(1)} | ${rewrittenMs.toFixed(1)} | ${(originalMs / rewrittenMs).toFixed(2)} | ${result.report.maxRelativeDifference.toExponential(1)} |`,
        );
      }
      original.dispose();
      rewritten.dispose();
    }
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

if (values.help) process.stdout.write(HELP);
else await main();
