/** Packs, installs in a clean folder with empty caches, and serves: see USAGE. */
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const USAGE = `Usage: node scripts/check-package.mjs [--keep]

Makes the package, installs it as a user would, with empty caches of npm and of the set-up, checks that no
package brings an install script, has its types judged by publint and attw where npm can fetch them, and asks
the server for an answer. Takes some minutes.
`;
const MOST_BYTES = 25e6;
const PORT = '18998';

const root = fileURLToPath(new URL('..', import.meta.url));
const work = mkdtempSync(path.join(tmpdir(), 'tfjs-serving-package-'));
const project = path.join(work, 'project');
const env = {
  ...process.env,
  npm_config_cache: path.join(work, 'npm-cache'),
  TFJS_SERVING_CACHE: path.join(work, 'cache'),
};

/**
 * @param {string} cwd
 * @param {string} command
 * @param {readonly string[]} args
 */
function run(cwd, command, ...args) {
  const { status, stdout } = spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { ok: status === 0, text: stdout };
}

/**
 * @param {boolean} ok
 * @param {string} what
 */
function check(ok, what) {
  process.stdout.write(`${ok ? 'ok' : 'FAILED'}: ${what}\n`);
  if (!ok) process.exitCode = 1;
}

/**
 * Names of packages with a script that npm runs when it installs them.
 * @param {string} folder
 * @returns {string[]}
 */
function withScripts(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /(^|\/)(@[^/]+\/)?[^/@]+\/package\.json$/.test(name))
    .filter((name) => {
      const { scripts = {} } = JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
      const parent = path.basename(path.dirname(path.dirname(path.join(folder, name))));
      const installed = parent === 'node_modules' || parent.startsWith('@');
      return installed && ['preinstall', 'install', 'postinstall'].some((one) => one in scripts);
    });
}

async function serves() {
  cpSync(path.join(root, 'test/fixtures/models/half_plus_two'), path.join(project, 'models/half'), {
    recursive: true,
  });
  const args = ['tfjs-serving', 'serve', '--model-repository', './models', '--port', PORT];
  const child = spawn('npx', args, { cwd: project, env, stdio: 'inherit' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    for (let look = 0; look < 600 && child.exitCode === null; look += 1) {
      const answer = await fetch(`http://127.0.0.1:${PORT}/v1/models/half:predict`, {
        method: 'POST',
        body: '{"instances":[1,2]}',
      }).catch(() => undefined);
      if (answer?.ok === true) return JSON.stringify(await answer.json());
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    return 'nothing';
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

if (process.argv.includes('--help')) {
  process.stdout.write(USAGE);
  process.exit(0);
}
try {
  mkdirSync(project);
  writeFileSync(path.join(project, 'package.json'), '{"name":"project","private":true}');
  run(root, 'npm', 'pack', '--silent', '--pack-destination', work);
  const name = readdirSync(work).find((one) => one.endsWith('.tgz')) ?? '';
  const tarball = path.join(work, name);
  const { size } = statSync(tarball);
  check(size < MOST_BYTES, `${name} has ${(size / 1e6).toFixed(1)} MB`);
  check(run(project, 'npm', 'install', tarball).ok, 'npm install of it in an empty project');
  const scripts = withScripts(path.join(project, 'node_modules'));
  check(scripts.length === 0, `packages with install scripts: ${scripts.join(', ') || 'none'}`);
  for (const [tool, ...args] of [
    ['publint@0.3.25', tarball],
    ['@arethetypeswrong/cli@0.18.5', tarball, '--profile', 'node16'],
  ]) {
    const { ok, text } = run(work, 'npx', '--yes', tool ?? '', ...args);
    process.stdout.write(text);
    check(ok, tool ?? '');
  }
  const answer = await serves();
  check(answer === '{"predictions":[2.5,3]}', `npx tfjs-serving serve answers ${answer}`);
} finally {
  if (process.argv.includes('--keep')) process.stdout.write(`kept: ${work}\n`);
  else rmSync(work, { recursive: true, force: true });
}
