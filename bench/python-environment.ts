import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { ROOT, cacheFolder } from './paths';

/** Where the Python contenders' programs lie. */
export const PYTHON_CONTENDERS = path.join(ROOT, 'bench/contenders/python');
const REQUIREMENTS = path.join(PYTHON_CONTENDERS, 'requirements.txt');
const INSTALL_LIMIT_MS = 15 * 60_000;

let environment: Promise<string> | undefined;

/**
 * Folder of programs of the virtual environment that all Python contenders share, made once for
 * each content of requirements.txt.
 * @throws Error when it cannot be made, such as where no package index is reached
 */
export function pythonEnvironment(say: (line: string) => void): Promise<string> {
  environment ??= makeEnvironment(say);
  return environment;
}

/** The folder that `pythonEnvironment` prepares. */
async function environmentFolder(): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(REQUIREMENTS))
    .digest('hex');
  return path.join(cacheFolder(), `python-${hash.slice(0, 12)}`);
}

async function makeEnvironment(say: (line: string) => void): Promise<string> {
  const folder = await environmentFolder();
  const bin = path.join(folder, 'bin');
  const complete = path.join(folder, '.complete');
  if (await stat(complete).then(Boolean, () => false)) return bin;
  say(`making a Python environment in ${folder}: about 2 GB, once`);
  // What an interrupted attempt left.
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.dirname(folder), { recursive: true });
  await run('python3', ['-m', 'venv', folder]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--retries', '1'];
  await run(path.join(bin, 'python'), [...pip, '--requirement', REQUIREMENTS]);
  await writeFile(complete, '');
  return bin;
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: INSTALL_LIMIT_MS,
    });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else {
        const errors = complaint.split('\n').filter((line) => line.startsWith('ERROR'));
        reject(new Error(`no Python environment: ${errors[0] ?? complaint.slice(-300).trim()}`));
      }
    });
  });
}
