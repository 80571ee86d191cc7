/** Runs a command once per Node version: see USAGE. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { readOptions } from './setup/options.mjs';

const USAGE = `Usage: node scripts/check-node-versions.mjs MAJOR... -- COMMAND [ARGUMENT...]

Runs COMMAND once per Node version, with that version first in PATH; fails if any run fails. The
binaries come from npm and are kept in the cache. A version that npm cannot fetch is skipped with
a message. For example:

  node scripts/check-node-versions.mjs 22 24 -- node_modules/.bin/jest test/integration
`;

/**
 * Exact versions: the same check gives the same answer tomorrow.
 * @type {Readonly<Record<string, string>>}
 */
const VERSIONS = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0' };

/**
 * @param {readonly string[]} argv
 * @returns the exact versions to run with, and the command
 */
function parse(argv) {
  const separator = argv.indexOf('--');
  const majors = argv.slice(0, Math.max(separator, 0));
  const versions = majors.flatMap((major) => VERSIONS[major] ?? []);
  const command = separator === -1 ? [] : argv.slice(separator + 1);
  if (majors.length === 0 || command.length === 0 || versions.length < majors.length) {
    process.stderr.write(`${USAGE}\nKnown versions: ${Object.keys(VERSIONS).join(', ')}\n`);
    process.exit(2);
  }
  return { versions, command };
}

/**
 * The folder that holds that version's `node`, fetched if necessary.
 * @param {string} version
 * @param {string} cache
 * @returns {string | undefined} undefined when npm cannot fetch it
 */
function nodeFolder(version, cache) {
  const name = `node-linux-${process.arch}`;
  const folder = path.join(cache, 'node', version);
  const bin = path.join(folder, 'node_modules', name, 'bin');
  if (existsSync(path.join(bin, 'node'))) return bin;
  process.stdout.write(`fetching Node ${version} ...\n`);
  mkdirSync(path.dirname(folder), { recursive: true });
  // Beside its final place, so that a killed download leaves nothing that looks complete.
  const temp = mkdtempSync(`${folder}-`);
  const args = ['install', '--prefix', temp, '--ignore-scripts', '--no-audit', '--no-fund'];
  const result = spawnSync('npm', [...args, '--no-package-lock', `${name}@${version}`], {
    cwd: temp,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (result.status !== 0) {
    rmSync(temp, { recursive: true, force: true });
    process.stdout.write(`${(result.error?.message ?? result.stderr).trim()}\n`);
    return undefined;
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(temp, folder);
  return bin;
}

/**
 * @param {string} bin folder that goes first in PATH
 * @param {readonly string[]} command with its arguments
 * @returns whether it succeeded
 */
function runWith(bin, [command = '', ...args]) {
  const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH ?? ''}` };
  const { status, error } = spawnSync(command, args, { env, stdio: 'inherit' });
  if (error !== undefined) process.stdout.write(`${command}: ${error.message}\n`);
  return status === 0;
}

const { versions, command } = parse(process.argv.slice(2));
const { cache } = readOptions([], process.env);
let failed = false;
for (const version of versions) {
  const bin = nodeFolder(version, cache);
  if (bin === undefined) {
    process.stdout.write(`Node ${version}: SKIPPED, npm cannot fetch it\n`);
    continue;
  }
  process.stdout.write(`Node ${version}: ${command.join(' ')}\n`);
  const passed = runWith(bin, command);
  process.stdout.write(`Node ${version}: ${passed ? 'passed' : 'FAILED'}\n`);
  failed ||= !passed;
}
process.exitCode = failed ? 1 : 0;
