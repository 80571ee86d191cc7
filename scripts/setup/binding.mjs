import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bindingPackage } from './binding-package.mjs';
import { patchedSources } from './binding-patches.mjs';
import { SetupError } from './errors.mjs';
import { runOrThrow } from './tools.mjs';

/** The newest N-API that the package asks for; Node 20 and newer have it. */
const NAPI_VERSION = 8;
/** Only a clone has it: see binding-package.mjs. */
const PACKAGE = 'node_modules/@tensorflow/tfjs-node-gpu';
export const BINDING = 'binding/tfjs_binding.node';
/** System calls that Node lacks, compiled from native/system.cc. */
export const SYSTEM = 'binding/system.node';

const COMPILER_OPTIONS = [
  '-shared',
  '-fPIC',
  '-O2',
  '-std=c++17',
  `-DNAPI_VERSION=${NAPI_VERSION}`,
];

/**
 * Compiles the package's N-API binding against the unpacked libraries. N-API is C and stable: the
 * `node-api-headers` package replaces Node's own headers, so node-gyp and its download are not
 * needed and one build serves every Node version.
 * @param {string} root the clone, or the installed package
 * @param {{
 *   pins: import('./wheel.mjs').Pins, folder: string, work: string,
 *   tools: import('./tools.mjs').NativeTools, progress: import('./progress.mjs').Progress,
 * }} options folder: of the cache, with the unpacked libraries; work: a temporary one
 */
export async function compileBinding(root, { pins, folder, work, tools, progress }) {
  const { compiler } = tools;
  const from = await bindingPackage(root, { pins, work, tools, progress });
  const sources = path.join(folder, 'binding-sources');
  patchedSources(path.join(from, 'binding'), sources);
  const require = createRequire(path.join(root, 'package.json'));
  const headers = path.join(
    path.dirname(require.resolve('node-api-headers/package.json')),
    'include',
  );
  const files = readdirSync(sources).filter((name) => name.endsWith('.cc'));
  const output = path.join(folder, BINDING);
  mkdirSync(path.dirname(output), { recursive: true });
  const args = [
    ...COMPILER_OPTIONS,
    '-w',
    '-DNODE_GYP_MODULE_NAME=tfjs_binding',
    '-I',
    path.join(folder, 'tensorflow/include'),
    '-I',
    headers,
    ...files.map((name) => path.join(sources, name)),
    '-L',
    path.join(folder, 'tensorflow'),
    '-l:libtensorflow_cc.so.2',
    '-l:libtensorflow_framework.so.2',
    // Relative, so that the cache can be moved or mounted elsewhere.
    '-Wl,-rpath,$ORIGIN/../tensorflow',
    '-o',
    output,
  ];
  await progress.during('compiling the binding', async () => {
    await compile('the binding', compiler, args);
    await compile('the system calls', compiler, [
      ...COMPILER_OPTIONS,
      '-Wall',
      '-I',
      headers,
      fileURLToPath(new URL('native/system.cc', import.meta.url)),
      '-o',
      path.join(folder, SYSTEM),
    ]);
  });
  rmSync(sources, { recursive: true });
}

/**
 * @param {string} what
 * @param {string} compiler
 * @param {readonly string[]} args
 */
function compile(what, compiler, args) {
  return runOrThrow(`Compiling ${what}`, compiler, args, {
    hint: 'Check the C++ compiler: sudo apt-get install -y g++ (or set CXX)',
  });
}

/**
 * Loads the binding in a process of its own, so that a crash becomes an error with its output.
 * @param {string} folder of the cache
 * @param {string} expectedVersion of TensorFlow
 * @param {import('./progress.mjs').Progress} progress
 */
export async function tryBinding(folder, expectedVersion, progress) {
  const script = 'process.stdout.write(require(process.argv[1]).TF_Version)';
  const { stdout } = await progress.during('loading TensorFlow once', () =>
    runOrThrow('Loading TensorFlow', process.execPath, ['-e', script, path.join(folder, BINDING)], {
      env: { ...process.env, NODE_OPTIONS: '', TF_CPP_MIN_LOG_LEVEL: '2' },
      hint: 'The libraries were installed but do not load on this machine',
    }),
  );
  if (stdout !== expectedVersion) {
    throw new SetupError(`The binding loads TensorFlow ${stdout}, expected ${expectedVersion}.`);
  }
}

/**
 * Where tfjs-node-gpu (through node-pre-gyp) looks for its binding.
 * @param {string} root
 */
function linkPath(root) {
  return path.join(root, PACKAGE, `lib/napi-v${NAPI_VERSION}/tfjs_binding.node`);
}

/**
 * Also where there is nothing to link.
 * @param {string} root
 * @param {string} folder of the cache
 */
export function isLinked(root, folder) {
  if (!existsSync(path.join(root, PACKAGE))) return true;
  try {
    return readlinkSync(linkPath(root)) === path.join(folder, BINDING);
  } catch {
    return false;
  }
}

/**
 * Points the clone's package at the cached binding, for programs that load all of TensorFlow.js, such
 * as the benchmark. A link, not a copy: Node resolves it before loading, so $ORIGIN is the cache folder.
 * @param {string} root
 * @param {string} folder of the cache
 */
export function linkBinding(root, folder) {
  if (!existsSync(path.join(root, PACKAGE))) return;
  const link = linkPath(root);
  const next = `${link}.${process.pid}`;
  mkdirSync(path.dirname(link), { recursive: true });
  rmSync(next, { force: true });
  symlinkSync(path.join(folder, BINDING), next);
  renameSync(next, link);
  realpathSync(link);
}
