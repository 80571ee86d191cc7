import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SetupError } from './errors.mjs';
import { requireNpm, run } from './tools.mjs';

const STAMP = 'node_modules/.tfjs-serving-npm.json';

/** @typedef {{ packages?: Record<string, { version?: string, optional?: boolean }> }} LockFile */

/**
 * @param {string} file
 * @returns {LockFile | undefined}
 */
function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * npm says what is wrong first, then explains its options at length: only the former is shown.
 * @param {number | string} code
 * @param {string} output
 */
function npmError(code, output) {
  const said = output.split('\n').filter((line) => /^npm (error|ERR!) *\S/.test(line));
  const shown = (said.length > 0 ? said : output.trim().split('\n')).slice(0, 8).join('\n');
  return new SetupError(
    `npm ci failed (${code}).\n${shown}`,
    /EUSAGE/.test(output)
      ? 'package-lock.json does not match package.json: run npm install, and commit the lock file'
      : 'Check that npm reaches a registry: npm ping, npm config get registry',
  );
}

/** Keeps node_modules in step with package-lock.json. */
export class NpmPackages {
  #root;
  #wanted;

  /** @param {{ root: string, platform: import('./platform.mjs').Platform }} options */
  constructor({ root, platform }) {
    this.#root = root;
    const lock = readFileSync(path.join(root, 'package-lock.json'));
    const sha256 = createHash('sha256').update(lock).digest('hex');
    // sharp and the compiler have a binary per platform: node_modules from another one is not current.
    this.#wanted = JSON.stringify({ lock: sha256, platform });
  }

  title = 'npm packages';

  isCurrent() {
    if (!existsSync(path.join(this.#root, 'node_modules'))) return false;
    const stamp = path.join(this.#root, STAMP);
    if (existsSync(stamp)) return readFileSync(stamp, 'utf8') === this.#wanted;
    // Installed by hand with npm: good if npm's own record matches the lock file.
    if (!this.#installedMatchesLock()) return false;
    this.#writeStamp();
    return true;
  }

  /** @param {{ progress: import('./progress.mjs').Progress }} options */
  async install({ progress }) {
    requireNpm();
    const args = ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund'];
    await progress.during('npm packages', async () => {
      const { code, output } = await run('npm', args, { cwd: this.#root });
      if (code !== 0) throw npmError(code, output);
    });
    this.#writeStamp();
  }

  #writeStamp() {
    writeFileSync(path.join(this.#root, STAMP), this.#wanted);
  }

  #installedMatchesLock() {
    const lock = readJson(path.join(this.#root, 'package-lock.json'));
    const installed = readJson(path.join(this.#root, 'node_modules/.package-lock.json'));
    if (lock?.packages === undefined || installed?.packages === undefined) return false;
    const { packages } = lock;
    const found = installed.packages;
    const wanted = Object.entries(packages).filter(([name]) => name !== '');
    return (
      Object.keys(found).every((name) => name in packages) &&
      wanted.every(([name, { version, optional }]) => {
        const own = found[name];
        return own === undefined ? optional === true : own.version === version;
      })
    );
  }
}
