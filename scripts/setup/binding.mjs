import {
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { patchedSources } from './binding-patches.mjs';
import { SetupError } from './errors.mjs';
import { runOrThrow } from './tools.mjs';

/** The newest N-API that the package asks for; Node 20 and newer have it. */
const NAPI_VERSION = 8;
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
 * @param {string} root the clone
 * @param {string} folder of the cache, with the unpacked libraries
 * @param {string} compiler such as `g++`
 * @param {import('./progress.mjs').Progress} progress
 */
export async function compileBinding(root, folder, compiler, progress) {
  const sources = path.join(folder, 'binding-sources');
  patchedSources(path.join(root, PACKAGE, 'binding'), sources);
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
    path.join(root, 'node_modules/node-api-headers/include'),
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
      path.join(root, 'node_modules/node-api-headers/include'),
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
 * @param {string} root the clone
 * @param {string} folder of the cache
 */
export function isLinked(root, folder) {
  try {
    return readlinkSync(linkPath(root)) === path.join(folder, BINDING);
  } catch {
    return false;
  }
}

/**
 * Points the clone's package at the cached binding. A link, not a copy: Node resolves it before
 * loading, so $ORIGIN is the cache folder.
 * @param {string} root the clone
 * @param {string} folder of the cache
 */
export function linkBinding(root, folder) {
  const link = linkPath(root);
  const next = `${link}.${process.pid}`;
  mkdirSync(path.dirname(link), { recursive: true });
  rmSync(next, { force: true });
  symlinkSync(path.join(folder, BINDING), next);
  renameSync(next, link);
  realpathSync(link);
}
