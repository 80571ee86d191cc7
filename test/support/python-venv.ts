import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** A virtual environment with the packages of a requirements file, or why there is none. */
export type PythonVenv =
  | { readonly folder: string; readonly missing?: undefined }
  | { readonly folder?: undefined; readonly missing: string };

const UNREACHABLE =
  /NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|Connection (?:refused|aborted|broken)|Network is unreachable|name resolution|Retrying \(Retry/i;
const TOO_OLD = /requires a different Python|Ignored the following versions that require/i;

/**
 * Python packages for tests with other people's clients, kept in the cache of the set-up and made
 * once for each content of the requirements file. Waits: whether there is one has to be known
 * before the tests are declared.
 * @param requirements path of a requirements file with every version pinned
 * @param dependencies false: only what the file names, for programs that need nothing of their package
 * @throws Error when it cannot be made although the package index answers
 */
export function pythonVenv(
  requirements: string,
  { dependencies = true }: { readonly dependencies?: boolean } = {},
): PythonVenv {
  const python = run('python3', ['-c', 'import sys, venv; print(sys.version, sys.executable)']);
  if (python.status !== 0) return { missing: 'there is no python3 with the module venv' };
  const key = createHash('sha256')
    .update(readFileSync(requirements))
    .update(python.output)
    .digest('hex')
    .slice(0, 16);
  const cache = path.join(cacheFolder(), 'python');
  const folder = path.join(cache, key);
  if (existsSync(folder)) return { folder };

  mkdirSync(cache, { recursive: true });
  // A venv cannot be moved. So it is made at a place of its own, and a link appears when it is whole.
  const made = mkdtempSync(path.join(cache, `${key}-`));
  const failure = install(made, requirements, dependencies);
  if (failure !== undefined) {
    rmSync(made, { recursive: true, force: true });
    return { missing: failure };
  }
  const link = `${made}.link`;
  symlinkSync(path.basename(made), link);
  renameSync(link, folder);
  return { folder };
}

/** The reason for a skipped test, to end its name with; nothing when it runs. */
export function skipReason({ missing }: PythonVenv): string {
  return missing === undefined ? '' : ` (skipped: ${missing})`;
}

function install(folder: string, requirements: string, dependencies: boolean): string | undefined {
  const venv = run('python3', ['-m', 'venv', folder]);
  if (venv.status !== 0) return 'python3 -m venv does not work here';
  const pip = run(path.join(folder, 'bin/pip'), [
    'install',
    '--quiet',
    '--no-input',
    '--disable-pip-version-check',
    '--retries=1',
    '--timeout=15',
    ...(dependencies ? [] : ['--no-deps']),
    `--requirement=${requirements}`,
  ]);
  if (pip.status === 0) return undefined;
  if (UNREACHABLE.test(pip.output)) return 'the Python package index is out of reach';
  if (TOO_OLD.test(pip.output)) return 'this Python is too old for the packages';
  throw new Error(`pip cannot install ${requirements}:\n${pip.output}`);
}

function run(
  command: string,
  args: readonly string[],
): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

/** As scripts/setup chooses it. */
function cacheFolder(): string {
  const { TFJS_SERVING_CACHE: own, XDG_CACHE_HOME: xdg } = process.env;
  if (own !== undefined && own !== '') return path.resolve(own);
  return path.join(
    xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(homedir(), '.cache'),
    'tfjs-serving',
  );
}
