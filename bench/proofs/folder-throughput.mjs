// Scoring a folder against the pipeline limit: the same loaded model in the same process is kept
// busy by a closed loop over images in memory and, in turn, by the scorer over a folder of them.
// Reads the build: npm run build first.
//   node bench/proofs/folder-throughput.mjs [--rounds 5] [--images 100] [--least 0.9]
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PHOTOS = path.join(ROOT, 'test/fixtures/photos');
const MODEL = 'efficientnet-lite0';

const built = createRequire(path.join(ROOT, 'dist/'));
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    images: { type: 'string', default: '100' },
    least: { type: 'string', default: '0.9' },
  },
});
const rounds = Number(values.rounds);
const images = Number(values.images);
const least = Number(values.least);

/** @type {typeof import('../../src/config/load.js')} */
const { loadConfig } = built('./config/load.js');
/** @type {typeof import('../../src/process/prepare-process.js')} */
const { prepareProcess } = built('./process/prepare-process.js');
const args = ['--model-repository', path.join(ROOT, 'saved_models'), '--models', MODEL];
args.push('--log-level', 'error', '--queue-timeout-ms', '3600000');
const config = loadConfig({ args, env: {} });
// Before sharp is loaded, as the server does it.
await prepareProcess(config);
/** @type {typeof import('../../src/compose.js')} */
const { startInference } = built('./compose.js');
/** @type {typeof import('../../src/commands/score/engines/in-process-engine.js')} */
const { inProcessEngine } = built('./commands/score/engines/in-process-engine.js');
/** @type {typeof import('../../src/commands/score/score.js')} */
const { score } = built('./commands/score/score.js');
/** @type {typeof import('../../src/commands/score/score-options.js')} */
const { scoreCommand } = built('./commands/score/score-options.js');

const folder = await mkdtemp(path.join(tmpdir(), 'folder-throughput-'));
const local = await startInference(config);
try {
  const photos = (await readdir(PHOTOS)).filter((name) => name.endsWith('.jpg')).sort();
  await mkdir(path.join(folder, 'photos'));
  for (let n = 0; n < images; n++) {
    const photo = path.join(PHOTOS, photos[n % photos.length] ?? '');
    await symlink(photo, path.join(folder, 'photos', `${String(n).padStart(6, '0')}.jpg`));
  }
  const bytes = await Promise.all(photos.map((name) => readFile(path.join(PHOTOS, name))));
  const engine = inProcessEngine({
    local,
    model: MODEL,
    version: undefined,
    request: { parameters: {}, format: 'png', quality: undefined },
  });
  const { concurrency } = engine;
  const contenders = {
    limit: () => closedLoop(bytes, concurrency),
    scorer: () => scoreFolder(),
  };
  for (const run of Object.values(contenders)) await run();
  /** @type {Record<keyof typeof contenders, number[]>} */
  const rates = { limit: [], scorer: [] };
  /**
   * On a machine with other work, CPU time says more than the time that passed.
   * @type {Record<keyof typeof contenders, number[]>}
   */
  const costs = { limit: [], scorer: [] };
  const names = /** @type {const} */ (['limit', 'scorer']);
  for (let round = 0; round < rounds; round++) {
    // They take turns to go first.
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const { rate, cpuMs } = await measure(contenders[name]);
      rates[name].push(rate);
      costs[name].push(cpuMs);
    }
  }
  console.table(
    rates.limit.map((limit, n) => ({
      limit,
      scorer: rates.scorer[n],
      'limit CPU ms': costs.limit[n],
      'scorer CPU ms': costs.scorer[n],
    })),
  );
  const ratio = median(rates.scorer) / median(rates.limit);
  console.log(
    `${images} images per round, ${concurrency} under way, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}\n` +
      `medians: limit ${median(rates.limit)}, scorer ${median(rates.scorer)} images per second; ` +
      `scorer / limit = ${ratio.toFixed(3)} (at least ${least})\n` +
      `CPU ms per image: limit ${median(costs.limit)}, scorer ${median(costs.scorer)}`,
  );
  if (!(ratio >= least)) process.exitCode = 1;
} finally {
  await local.stop();
  await rm(folder, { recursive: true, force: true });
}

/**
 * @param {readonly Buffer[]} bytes of the photos
 * @param {number} concurrency images under way
 */
async function closedLoop(bytes, concurrency) {
  let turn = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (turn < images) {
        const image = bytes[turn++ % bytes.length] ?? Buffer.alloc(0);
        const asked = { model: MODEL, version: undefined, images: [image], signal: undefined };
        const { results } = await local.inference.answer(asked, {
          task: local.inference.admit(MODEL, undefined, 'classify').task,
          parameters: { top: undefined },
          wish: undefined,
        });
        const [result] = results;
        if (result?.ok !== true) throw result?.error ?? new Error('there is no result');
      }
    }),
  );
}

/** The whole program except the loading of the model, which stays loaded. */
async function scoreFolder() {
  const keep = { ...local, stop: () => Promise.resolve() };
  const command = scoreCommand(async (options) => {
    const end = await score(options, () => Promise.resolve(keep));
    if (end !== 'done') throw new Error(`the scorer ended with ${end}`);
  });
  const photos = path.join(folder, 'photos');
  const output = path.join(folder, 'rows.jsonl');
  await command.parseAsync(
    [photos, '--model', MODEL, '--output', output, '--overwrite', '--quiet'],
    { from: 'user' },
  );
  const rows = (await readFile(output, 'utf8')).trimEnd().split('\n');
  const scored = rows.filter((row) => JSON.parse(row).status === 'ok').length;
  if (scored !== images) throw new Error(`${scored} of ${images} were scored`);
}

/**
 * Images per second, and CPU time per image in milliseconds.
 * @param {() => Promise<void>} run
 */
async function measure(run) {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await run();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    rate: Number((images / seconds).toFixed(2)),
    cpuMs: Number(((user + system) / 1000 / images).toFixed(2)),
  };
}

/** @param {readonly number[]} numbers */
function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
