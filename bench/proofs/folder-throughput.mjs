// Scoring a folder against the pipeline limit: the same loaded model in the same process is kept
// busy by a closed loop over images in memory and, in turn, by the scorer over a folder of them.
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
const { startInference } = built('./compose.js');
const { inProcessEngine } = built('./commands/score/engines/in-process-engine.js');
const { score } = built('./commands/score/score.js');
const { scoreCommand } = built('./commands/score/score-options.js');
const { loadConfig } = built('./config/load.js');
const { collectGarbageLessOften } = built('./garbage-collection.js');

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    images: { type: 'string', default: '100' },
    least: { type: 'string', default: '0.9' },
  },
});
const [rounds, images, least] = [values.rounds, values.images, values.least].map(Number);

collectGarbageLessOften();
const folder = await mkdtemp(path.join(tmpdir(), 'folder-throughput-'));
const args = ['--model-repository', path.join(ROOT, 'saved_models'), '--models', MODEL];
const local = await startInference(
  loadConfig({ args: [...args, '--log-level', 'error', '--queue-timeout-ms', '3600000'], env: {} }),
);
try {
  const photos = (await readdir(PHOTOS)).filter((name) => name.endsWith('.jpg')).sort();
  await mkdir(path.join(folder, 'photos'));
  for (let n = 0; n < images; n++) {
    const photo = path.join(PHOTOS, photos[n % photos.length]);
    await symlink(photo, path.join(folder, 'photos', `${String(n).padStart(6, '0')}.jpg`));
  }
  const bytes = await Promise.all(photos.map((name) => readFile(path.join(PHOTOS, name))));
  const engine = inProcessEngine({ local, model: MODEL, version: undefined, request: {} });
  const { concurrency } = engine;
  const contenders = {
    limit: () => closedLoop(bytes, concurrency),
    scorer: () => scoreFolder(),
  };
  for (const run of Object.values(contenders)) await run();
  const rates = { limit: [], scorer: [] };
  // On a machine with other work, the time of the processor says more than that of the clock.
  const costs = { limit: [], scorer: [] };
  for (let round = 0; round < rounds; round++) {
    // Whoever goes first in a round goes second in the next.
    const order = round % 2 === 0 ? ['limit', 'scorer'] : ['scorer', 'limit'];
    for (const name of order) {
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
    `${images} images a round, ${concurrency} under way, ${availableParallelism()} cores, load ${loadavg()[0].toFixed(1)}\n` +
      `medians: limit ${median(rates.limit)}, scorer ${median(rates.scorer)} images a second; ` +
      `scorer / limit = ${ratio.toFixed(3)} (at least ${least})\n` +
      `CPU ms an image: limit ${median(costs.limit)}, scorer ${median(costs.scorer)}`,
  );
  if (!(ratio >= least)) process.exitCode = 1;
} finally {
  await local.stop();
  await rm(folder, { recursive: true, force: true });
}

async function closedLoop(bytes, concurrency) {
  let turn = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (turn < images) {
        const image = bytes[turn++ % bytes.length];
        const { results } = await local.inference.classify({ model: MODEL, images: [image] });
        if (!results[0].ok) throw results[0].error;
      }
    }),
  );
}

/** All of the program but the loading of the model, which stays loaded. */
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
  const rows = (await readFile(output, 'utf8')).trimEnd().split('\n').map(parse);
  const scored = rows.filter(({ status }) => status === 'ok').length;
  if (scored !== images) throw new Error(`${scored} of ${images} were scored`);
}

function parse(line) {
  return JSON.parse(line);
}

/** Images a second, and milliseconds of all threads for each. */
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

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
