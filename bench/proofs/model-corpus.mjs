/** Serves a corpus of SavedModels and compares the answers with Python's: see HELP. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const HELP = `Usage: node bench/proofs/model-corpus.mjs [options] [MODEL...]

Exports about ninety SavedModels of every kind with TensorFlow and Keras in Python (corpus_models.py),
serves each, and compares its answers with those of Python's loader: every signature, 1, 3 and 7 rows.
Fails when an answer differs or a model that Python runs is not served. Reads the build: npm run build
first. Takes about ten minutes.

By default Python gets a virtual environment in a temporary folder, from the package index (about 300 MB).

Options:
  --models DIR   a model repository exported before; what it lacks is added
  --python FILE  Python that has the packages of corpus-requirements.txt: no virtual environment is made
  --out FILE     where the table is written (default: model-corpus.md in the temporary folder)
  --help         show this text
`;

const HERE = import.meta.dirname;
const ROOT = path.resolve(HERE, '../..');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    models: { type: 'string' },
    python: { type: 'string' },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

/** @type {{ stdio: ['ignore', 'inherit', 'inherit'] }} */
const log = { stdio: ['ignore', 'inherit', 'inherit'] };

function pythonWithPackages(folder) {
  const venv = path.join(folder, 'venv');
  const python = path.join(venv, 'bin/python');
  execFileSync('python3', ['-m', 'venv', venv], log);
  const requirements = path.join(HERE, 'corpus-requirements.txt');
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements], log);
  return python;
}

/** Starts a server without models, which loads them one after the other, as it is told. */
async function startServer(repository, cache) {
  const flags = {
    port: 0,
    'model-repository': repository,
    'model-control': 'explicit',
    instances: 1,
    'max-load-retries': 0,
    cache,
    'log-format': 'json',
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn(process.execPath, [path.join(ROOT, 'dist/main.js'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let base;
  for await (const line of createInterface({ input: server.stdout })) {
    const { msg, url } = JSON.parse(line);
    if (msg === 'listening') base = url;
    if (msg !== 'serving') continue;
    server.stdout.resume();
    return { server, url: base };
  }
  throw new Error('the server ended before it listened');
}

async function main() {
  const scratch = mkdtempSync(path.join(tmpdir(), 'model-corpus-'));
  let server;
  try {
    const python = values.python ?? pythonWithPackages(scratch);
    const repository = path.resolve(values.models ?? path.join(scratch, 'models'));
    const { out = path.join(tmpdir(), 'model-corpus.md') } = values;
    execFileSync(python, [path.join(HERE, 'corpus_models.py'), repository, ...positionals], log);
    // Explicit control loads what is there at the start, and all together would not fit into memory.
    const served = path.join(scratch, 'served');
    mkdirSync(served);
    let url;
    ({ server, url } = await startServer(served, path.join(scratch, 'cache')));
    for (const name of readdirSync(repository)) {
      symlinkSync(path.join(repository, name), path.join(served, name));
    }
    const compare = [path.join(HERE, 'corpus_answers.py'), repository, url, out, ...positionals];
    const [code] = await once(spawn(python, compare, log), 'exit');
    console.log(`table: ${out}`);
    process.exitCode = code ?? 1;
  } finally {
    if (server !== undefined && server.exitCode === null) {
      server.kill('SIGINT');
      await once(server, 'exit');
    }
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (values.help) process.stdout.write(HELP);
else await main();
