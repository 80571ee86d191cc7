import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

export const ROOT = path.resolve(import.meta.dirname, '../../..');
const KEPT_LINES = 40;
/** Log lines that a server under any load of clients has no reason to write. */
const FAULTS = [
  ...['unexpected error', 'instance lost; starting another', 'instance did not start'],
  ...['model not loaded', 'model cannot be served'],
];

/**
 * Starts the built server on a free port, with models of its own in a temporary repository, and watches what it
 * logs.
 * @param {object} options
 * @param {Readonly<Record<string, { from: string, config?: object }>>} options.models by name: `from`, a folder of the
 *   checkout, and `config`, a model.json
 * @param {readonly string[]} [options.flags] of the command line
 * @returns `port`, `pid`, `url`, `folder` (the repository), `ended` (resolves when the process ends), `exited()`,
 *   `takeProblems()` (log lines that tell of a fault, since the last call) and `stop()`
 */
export async function startServer({ models, flags = [] }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'proof-'));
  for (const [name, { from, config }] of Object.entries(models)) {
    const model = path.join(folder, name);
    mkdirSync(model);
    cpSync(path.join(ROOT, from), model, { recursive: true });
    if (config !== undefined) writeFileSync(path.join(model, 'model.json'), JSON.stringify(config));
  }
  const server = spawn(
    process.execPath,
    [
      path.join(ROOT, 'dist/main.js'),
      ...['--host', '127.0.0.1', '--port', '0', '--model-repository', folder],
      ...['--log-format', 'json', '--log-level', 'info', ...flags],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const ended = once(server, 'exit');
  const problems = [];
  const lastLines = [];
  const keep = (line) => {
    lastLines.push(line);
    if (lastLines.length > KEPT_LINES) lastLines.shift();
  };
  createInterface({ input: server.stderr }).on('line', (line) => {
    keep(line);
    // Node's own warnings, such as too many listeners.
    if (/^\(node:\d+\) (?!ExperimentalWarning)/.test(line)) problems.push({ message: line });
  });
  const url = await new Promise((resolve, reject) => {
    let base;
    createInterface({ input: server.stdout }).on('line', (text) => {
      keep(text);
      const line = parse(text);
      if (line?.msg === 'listening') base = line.url;
      if (line?.msg === 'serving') resolve(base);
      if (isFault(line)) problems.push({ requestId: line.requestId, message: text });
    });
    server.once('exit', () => {
      reject(new Error(`The server did not start:\n${lastLines.join('\n')}`));
    });
  });
  return {
    url,
    port: Number(new URL(url).port),
    pid: server.pid,
    folder,
    ended,
    exited: () => server.exitCode ?? server.signalCode,
    lastLines: () => lastLines.join('\n'),
    takeProblems: () => problems.splice(0),
    stop: async () => {
      server.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isFault(line) {
  if (line === undefined) return false;
  return line.code === 'INTERNAL' || line.level === 'fatal' || FAULTS.includes(line.msg);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
