/** Shows that the scorer's memory does not grow with the number of files: see HELP. */
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import sharp from 'sharp';

const HELP = `Usage: node bench/score-folder/memory.mjs [options]

Makes a folder of links to a few small photos, scores it through a small model, and prints the
resident memory of the scorer by the number of rows it had written. Reads the build.

Options:
  --files N   links (default: 100000)
  --model DIR a SavedModel that takes images (default: a toy of the tests)
  --help      show this text
`;

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PHOTOS = ['coffee.jpg', 'chelsea.jpg'];
const SIDE = 64;
const FOLDER_SIZE = 1000;
const SAMPLE_MS = 100;

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '100000' },
    model: { type: 'string', default: path.join(ROOT, 'test/fixtures/models/keras_network/1') },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) {
  process.stdout.write(HELP);
} else {
  const folder = await mkdtemp(path.join(tmpdir(), 'score-memory-'));
  try {
    await measure(folder, Number(values.files));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(folder, files) {
  await makeInputs(path.join(folder, 'photos'), files);
  await cp(values.model, path.join(folder, 'models/toy/1'), { recursive: true });
  const output = path.join(folder, 'rows.jsonl');
  const summary = path.join(folder, 'summary.json');
  const child = spawn(
    process.execPath,
    [
      path.join(ROOT, 'dist/score-folder.js'),
      path.join(folder, 'photos'),
      `--output=${output}`,
      `--summary-json=${summary}`,
      '--quiet',
    ],
    {
      env: { ...process.env, TFJS_SERVING_MODEL_REPOSITORY: path.join(folder, 'models') },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const ended = new Promise((resolve) => child.once('close', resolve));
  const samples = [];
  let rowBytes;
  const timer = setInterval(() => void sample(), SAMPLE_MS);
  const code = await ended;
  clearInterval(timer);
  const { inputs, errors, perSecond } = JSON.parse(await readFile(summary, 'utf8'));
  console.log(
    `${inputs} rows, ${JSON.stringify(errors)}, ${perSecond} a second, exit code ${code}`,
  );
  rowBytes = (await stat(output)).size / inputs;
  for (const share of [0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1]) {
    const rows = Math.round(inputs * share);
    const near = samples.filter((one) => one.bytes / rowBytes <= rows).slice(-10);
    const mib = median(near.map((one) => one.rssMib));
    console.log(
      `${String(rows).padStart(9)} rows: ${mib === undefined ? '-' : mib.toFixed(0)} MiB`,
    );
  }

  async function sample() {
    try {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      const rssMib = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
      samples.push({ rssMib, bytes: (await stat(output)).size });
    } catch {
      // Before the first row, and after the end.
    }
  }
}

async function makeInputs(folder, files) {
  const small = path.join(folder, '..', 'small');
  await mkdir(small, { recursive: true });
  for (const name of PHOTOS) {
    const photo = await readFile(path.join(ROOT, 'test/fixtures/photos', name));
    await writeFile(path.join(small, name), await sharp(photo).resize(SIDE, SIDE).toBuffer());
  }
  for (let at = 0; at < files; at += FOLDER_SIZE) {
    const inside = path.join(folder, String(at / FOLDER_SIZE));
    await mkdir(inside, { recursive: true });
    const count = Math.min(FOLDER_SIZE, files - at);
    await Promise.all(
      Array.from({ length: count }, (_, index) =>
        symlink(path.join(small, PHOTOS[index % PHOTOS.length]), path.join(inside, `${index}.jpg`)),
      ),
    );
  }
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
