/** Original against rewritten SavedModels: see HELP. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HELP = `Usage: npm run bench:rewriter -- [options] [FOLDER ...]

Rewrites each SavedModel folder, checks it, and times runs of both in turn. Reads the build:
npm run build first. Without folders: the shipped models.

Options:
  --batch 1,8   batch sizes
  --rounds N    runs of each of the two, in turn (default 21)
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

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

function time(model, name, inputs) {
  const started = performance.now();
  model.run(name, inputs);
  return performance.now() - started;
}

async function main() {
  const { ModelOptimizer } = require(path.join(root, 'dist/rewriter/model-optimizer.js'));
  const { INPUT_KINDS, randomInputs } = require(path.join(root, 'dist/rewriter/random-inputs.js'));
  const { TfjsBackend } = require(path.join(root, 'dist/runtime/tfjs-backend.js'));
  const folders =
    positionals.length > 0
      ? positionals
      : ['efficientnet-lite0', 'esrgan-slim-x2'].map((m) =>
          path.join(root, 'saved_models', m, '1'),
        );
  const cache = mkdtempSync(path.join(tmpdir(), 'bench-optimizer-'));
  const optimizer = new ModelOptimizer({
    cacheDirectory: cache,
    fallbackDirectory: () => cache,
    cacheMaxBytes: 2 ** 34,
    timeoutMs: 600_000,
    runtime: 'bench',
  });
  try {
    const backend = new TfjsBackend();
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
      const models = [backend.loadModel(folder), backend.loadModel(result.directory)];
      const name = 'serving_default';
      const signature = models[0].signatures[name];
      for (const batch of values.batch.split(',').map(Number)) {
        const inputs = randomInputs(signature, batch, INPUT_KINDS[0], 1);
        const times = models.map(() => []);
        for (let round = -WARM_UP_RUNS; round < Number(values.rounds); round++) {
          models.forEach((model, i) => {
            const ms = time(model, name, inputs);
            if (round >= 0) times[i].push(ms);
          });
        }
        const [before, after] = times.map(median);
        console.log(
          `| ${label} | ${batch} | ${before.toFixed(1)} | ${after.toFixed(1)} | ${(before / after).toFixed(2)} | ${result.report.maxRelativeDifference.toExponential(1)} |`,
        );
      }
      for (const model of models) model.dispose();
    }
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

if (values.help) process.stdout.write(HELP);
else await main();
