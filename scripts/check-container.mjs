/** Takes the steps of the Dockerfile where there is no registry of images: see USAGE. */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readDockerfile, wordsOf } from './container/dockerfile.mjs';
import { limitMemory } from './container/memory-cgroup.mjs';
import { ignoredBy } from './container/ignored.mjs';

/** A folder with something mounted in it must not be removed. @param {string} folder */
function requireUnmounted(folder) {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const inside = mounts
    .map((line) => line.split(' ')[1] ?? '')
    .filter((at) => at.startsWith(`${folder}/`));
  if (inside.length > 0) throw new Error(`unmount first: ${inside.join(', ')}`);
}

const USAGE = `Usage: node scripts/check-container.mjs FOLDER [--reuse] [--build-arg NAME=VALUE ...]

Makes a Debian root in FOLDER with debootstrap, runs the steps of the Dockerfile in it by chroot, and
starts the result as its user, with a read-only root and 2 GB of memory. Needs root, debootstrap, and
what npm, pip and apt fetch from. node:VERSION-slim stands for that Debian with the Node of this machine.
A base root that is in FOLDER already is used again; with --reuse, so is what was built there.
`;

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const PORT = 18_999;

/** @param {string} command @param {readonly string[]} args */
function must(command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? status}`);
}

/** @param {string} folder */
function megabytes(folder) {
  const { stdout } = spawnSync('du', ['-smx', folder], { encoding: 'utf8' });
  return Number.parseInt(stdout, 10);
}

/** The stand-in for the image that the Dockerfile begins with. @param {string} folder */
function baseRoot(folder) {
  const base = path.join(folder, 'base');
  if (existsSync(path.join(base, 'usr/local/bin/node'))) {
    connect(base);
    return base;
  }
  if (!existsSync(path.join(base, 'usr/bin/apt-get'))) {
    // Its mounts end with it.
    must('unshare', '--mount', 'debootstrap', '--variant=minbase', 'bookworm', base);
  }
  // As the image of Node adds it: the program, npm, and a C++ library.
  connect(base);
  inRoot(base, ['apt-get', 'update', '-qq'], NETWORK);
  inRoot(
    base,
    ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', 'libstdc++6', 'ca-certificates'],
    NETWORK,
  );
  // The package of certificates has replaced what this machine trusts.
  connect(base);
  const prefix = path.dirname(path.dirname(process.execPath));
  cpSync(process.execPath, path.join(base, 'usr/local/bin/node'));
  const npm = spawnSync('npm', ['root', '--global'], { encoding: 'utf8' }).stdout.trim();
  cpSync(path.join(npm, 'npm'), path.join(base, 'usr/local/lib/node_modules/npm'), {
    recursive: true,
  });
  for (const name of ['npm', 'npx']) {
    must(
      'ln',
      '-sf',
      `../lib/node_modules/npm/bin/${name}-cli.js`,
      path.join(base, 'usr/local/bin', name),
    );
  }
  process.stdout.write(`base root: Debian with the Node of ${prefix}, ${megabytes(base)} MB\n`);
  return base;
}

/**
 * Gives a root the way to the network that this machine has; docker does so too.
 * @param {string} target
 */
function connect(target) {
  for (const name of [
    '/etc/resolv.conf',
    '/etc/hosts',
    '/etc/ssl/certs/ca-certificates.crt',
    '/etc/pip.conf',
    '/etc/npmrc',
  ]) {
    if (!existsSync(name)) continue;
    mkdirSync(path.dirname(path.join(target, name)), { recursive: true });
    cpSync(name, path.join(target, name), { dereference: true });
  }
  for (const name of ['/etc/apt/apt.conf.d', '/etc/apt/sources.list.d', '/usr/share/keyrings']) {
    if (existsSync(name)) cpSync(name, path.join(target, name), { recursive: true, force: true });
  }
}

/**
 * Runs a command in the root, with /proc and /dev. They are mounted for this command alone: what fails
 * half-way leaves nothing of this machine inside a folder that is removed later.
 * @param {string} target
 * @param {readonly string[]} command
 * @param {NodeJS.ProcessEnv} env
 * @throws {Error} when it fails
 */
function inRoot(target, command, env) {
  const script =
    'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"';
  const { status, error } = spawnSync(
    'unshare',
    ['--mount', 'sh', '-c', script, target, ...command],
    {
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  if (status !== 0) throw new Error(`${command.join(' ')}: ${error?.message ?? status}`);
}

/** Those of this machine that say how packages are reached. */
const NETWORK = Object.fromEntries(
  Object.entries(process.env).filter(([name]) =>
    /^(npm_config_|pip_|.*_proxy$|ssl_cert|node_extra_ca)/i.test(name),
  ),
);

/**
 * @typedef {{ target: string, env: Record<string, string>, args: Record<string, string>, cwd: string,
 *   user?: string, entrypoint: string[], command: string[], health?: string[] }} Stage
 */

/**
 * @param {Stage} stage
 * @param {string} script
 */
function runStep({ target, cwd, env, args }, script) {
  const command = ['/bin/sh', '-ec', `cd '${cwd}'\n${script}`];
  inRoot(target, command, { HOME: '/root', ...NETWORK, ...args, ...env });
}

/** @param {Stage} stage @param {string[]} words @param {Map<string, Stage>} stages */
function copyStep(stage, words, stages) {
  const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined;
  const to = words.pop() ?? '';
  const target = path.join(stage.target, path.resolve(stage.cwd, to));
  const ignored = ignoredBy(readFileSync(path.join(root, '.dockerignore'), 'utf8'));
  for (const word of words) {
    const source =
      from === undefined ? path.join(root, word) : path.join(stages.get(from)?.target ?? '', word);
    const isFile = !readdirSync(path.dirname(source), { withFileTypes: true }).some(
      (entry) => entry.name === path.basename(source) && entry.isDirectory(),
    );
    mkdirSync(target, { recursive: true });
    cpSync(source, isFile ? path.join(target, path.basename(source)) : target, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (name) => from !== undefined || !ignored(path.relative(root, name)),
    });
  }
}

/**
 * @param {string} folder
 * @param {Record<string, string>} given build arguments
 * @param {boolean} reuse leaves out what takes time, and has been done
 * @returns {Stage} the last one
 */
function build(folder, given, reuse) {
  const base = baseRoot(folder);
  /** @type {Map<string, Stage>} */
  const stages = new Map();
  /** @type {Record<string, string>} */
  const global = {};
  /** @type {Stage | undefined} */
  let stage;
  for (const { name, text } of readDockerfile(
    readFileSync(path.join(root, 'Dockerfile'), 'utf8'),
  )) {
    process.stdout.write(`${name} ${text.split('\n')[0]}\n`);
    if (name === 'ARG') {
      const [key = '', value = ''] = text.split('=');
      (stage?.args ?? global)[key] =
        given[key] ?? (text.includes('=') ? value : (global[key] ?? ''));
      continue;
    }
    if (name === 'FROM') {
      if (!/^node:/.test(text)) throw new Error(`FROM ${text}: only node: has a stand-in`);
      const [, as = 'last'] = /\bAS (\S+)$/i.exec(text) ?? [];
      const target = path.join(folder, as);
      if (!reuse) {
        requireUnmounted(target);
        rmSync(target, { recursive: true, force: true });
        must('cp', '-a', base, target);
      }
      stage = { target, env: {}, args: {}, cwd: '/', entrypoint: [], command: [] };
      stages.set(as, stage);
      continue;
    }
    if (stage === undefined) throw new Error(`${name} stands before FROM`);
    if (reuse && (name === 'RUN' || name === 'COPY')) continue;
    if (name === 'RUN') runStep(stage, text);
    else if (name === 'COPY') copyStep(stage, wordsOf(text), stages);
    else if (name === 'WORKDIR')
      mkdirSync(path.join(stage.target, (stage.cwd = text)), { recursive: true });
    else if (name === 'USER') stage.user = text;
    else if (name === 'ENTRYPOINT') stage.entrypoint = JSON.parse(text);
    else if (name === 'CMD') stage.command = JSON.parse(text);
    else if (name === 'HEALTHCHECK') stage.health = JSON.parse(text.slice(text.indexOf('[')));
    else if (name === 'ENV') {
      for (const word of wordsOf(text)) {
        const at = word.indexOf('=');
        stage.env[word.slice(0, at)] = word.slice(at + 1);
      }
    } else if (name !== 'EXPOSE') throw new Error(`${name} is not known to this script`);
  }
  if (stage === undefined) throw new Error('the Dockerfile has no stage');
  return stage;
}

/** A shell script that makes the root read-only and becomes the user. @param {Stage} stage @param {string[]} command */
function contained({ target, cwd, user = '0:0' }, command) {
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const [uid, gid] = user.split(':');
  return `set -e
mount --bind '${target}' '${target}'
mount -o remount,bind,ro '${target}'
mount -t proc proc '${target}/proc'
mount --bind /dev '${target}/dev'
mount -t tmpfs -o mode=1777 tmpfs '${target}/tmp'
mount -t tmpfs -o uid=${uid},gid=${gid} tmpfs '${target}/var/cache/tfjs-serving'
exec chroot --userspec=${uid}:${gid} '${target}' /bin/sh -c 'cd ${cwd}; exec "$@"' sh ${quoted}`;
}

/** Starts the image, asks it for something, and stops it. @param {Stage} stage */
async function serve(stage) {
  const env = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...stage.env,
    HOST: '127.0.0.1',
    PORT: String(PORT),
  };
  const limit = limitMemory(2 * 1024 ** 3);
  process.stdout.write(`memory: ${limit.how}\n`);
  const script = contained(stage, [...stage.entrypoint, ...stage.command]);
  const child = spawn(
    'unshare',
    ['--mount', '--fork', '--pid', '--kill-child', 'sh', '-c', `${limit.enter}\n${script}`],
    {
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    const started = Date.now();
    const url = `http://127.0.0.1:${PORT}`;
    for (;;) {
      const answer = await fetch(`${url}/v2/health/ready`).catch(() => undefined);
      if (answer?.ok === true) break;
      if (child.exitCode !== null || Date.now() - started > 180_000)
        throw new Error('it does not become ready');
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    process.stdout.write(`ready after ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
    const { status } = spawnSync(
      'unshare',
      ['--mount', 'sh', '-c', contained(stage, stage.health ?? [])],
      { env, stdio: 'inherit' },
    );
    if (status !== 0) throw new Error(`HEALTHCHECK: ${status}`);
    const image = readFileSync(path.join(root, 'test/fixtures/photos/coffee.jpg'));
    const answer = await fetch(`${url}/models/efficientnet-lite0/classify?top=1`, {
      method: 'POST',
      body: image,
    });
    const text = await answer.text();
    process.stdout.write(`${text}\n`);
    if (!text.includes('espresso')) throw new Error('the answer is wrong');
    const server = spawnSync('pgrep', ['-f', '^node /app/dist/main.js'], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n')[0];
    const [, uid] = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${server}/status`, 'utf8')) ?? [];
    const roots = readFileSync(`/proc/${server}/mountinfo`, 'utf8')
      .split('\n')
      .filter((line) => / \/ ro[, ]/.test(line));
    if (uid !== '1000' || roots.length === 0)
      throw new Error(`it runs as ${uid}, and its root is not read-only`);
    process.stdout.write(
      `runs as uid ${uid}, root read-only; memory at its peak ${limit.peak()}\n`,
    );
    process.kill(Number(server), 'SIGTERM');
    const code = await ended;
    if (code !== 0) throw new Error(`after SIGTERM it ended with ${code}`);
  } finally {
    child.kill('SIGKILL');
    await ended;
    limit.remove();
  }
}

/** @param {Stage} stage */
function sizes({ target }) {
  for (const name of [
    '',
    'opt/tfjs-serving',
    'app',
    'app/node_modules',
    'app/saved_models',
    'usr/local',
  ]) {
    process.stdout.write(`size of /${name}: ${megabytes(path.join(target, name))} MB\n`);
  }
}

const [folder, ...rest] = process.argv.slice(2);
if (folder === undefined || folder.startsWith('-')) {
  process.stderr.write(USAGE);
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const reuse = rest.includes('--reuse');
const given = Object.fromEntries(
  rest.filter((one) => !one.startsWith('--')).map((one) => one.split('=')),
);
const last = build(path.resolve(folder), given, reuse);
sizes(last);
await serve(last);
process.stdout.write('passed\n');
