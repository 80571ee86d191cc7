import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BUNDLED_FILES } from './bundled.mjs';
import { runOrThrow } from './tools.mjs';

const CONFIGURATION = [
  'tsconfig.json',
  'tsconfig.build.json',
  'package-lock.json',
  'scripts/bundle.mjs',
];
/** Of what was compiled or bundled. */
const OUTPUT_ENDINGS = ['.js', '.js.map', '.d.ts', '.mjs', '.mjs.map', '.d.mts'];

/** @typedef {{ metadata: string, content: string }} Stamp hashes of the sources that were built */

/**
 * Files below a folder, as sorted paths relative to it.
 * @param {string} folder
 */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** Keeps dist/ in step with src/. */
export class Build {
  #root;
  #stamp;

  /** @param {{ root: string }} options the clone */
  constructor({ root }) {
    this.#root = root;
    this.#stamp = path.join(root, 'dist/.setup.json');
  }

  title = 'build';

  isCurrent() {
    const sources = this.#sources();
    const stamp = this.#readStamp();
    if (stamp === undefined || !this.#outputsExist(sources)) return false;
    const metadata = this.#metadata(sources);
    if (stamp.metadata === metadata) return true;
    // Only the times changed (a branch switched forth and back): keep the build.
    const content = this.#content(sources);
    if (stamp.content !== content) return false;
    this.#writeStamp({ metadata, content });
    return true;
  }

  /** @param {{ progress: import('./progress.mjs').Progress }} options */
  async install({ progress }) {
    const dist = path.join(this.#root, 'dist');
    const sources = this.#sources();
    // Taken before the compiler reads: a source edited during the build makes the next run build again.
    const stamp = { metadata: this.#metadata(sources), content: this.#content(sources) };
    rmSync(this.#stamp, { force: true });
    // The incremental record would make the compiler skip outputs that somebody deleted.
    if (!this.#outputsExist(sources)) rmSync(path.join(dist, '.tsbuildinfo'), { force: true });
    const compiler = path.join(this.#root, 'node_modules/typescript/bin/tsc');
    await progress.during('build', async () => {
      for (const args of [[compiler, '-p', 'tsconfig.build.json'], ['scripts/bundle.mjs']]) {
        await runOrThrow('The build', process.execPath, args, { cwd: this.#root });
      }
    });
    this.#removeStale(dist, sources);
    this.#writeStamp(stamp);
  }

  #sources() {
    return filesBelow(path.join(this.#root, 'src')).map((name) => path.join('src', name));
  }

  /** @param {readonly string[]} sources */
  #outputs(sources) {
    return sources.flatMap((name) => {
      const [, stem = '', m = ''] = /^src\/(.*?)(?<!\.d)\.(m?)ts$/.exec(name) ?? [];
      return stem === '' ? [] : [`${stem}.${m}js`, `${stem}.${m}js.map`, `${stem}.d.${m}ts`];
    });
  }

  /** @param {readonly string[]} sources */
  #outputsExist(sources) {
    return [
      ...this.#outputs(sources).map((name) => path.join('dist', name)),
      ...BUNDLED_FILES,
    ].every((name) => existsSync(path.join(this.#root, name)));
  }

  /**
   * Outputs of deleted or renamed sources would still be found by require().
   * @param {string} dist
   * @param {readonly string[]} sources
   */
  #removeStale(dist, sources) {
    const expected = new Set([
      ...this.#outputs(sources),
      ...BUNDLED_FILES.map((name) => path.relative('dist', name)),
    ]);
    for (const name of filesBelow(dist)) {
      const isOutput = OUTPUT_ENDINGS.some((ending) => name.endsWith(ending));
      if (isOutput && !expected.has(name)) rmSync(path.join(dist, name));
    }
  }

  /** @param {readonly string[]} sources */
  #metadata(sources) {
    const hash = createHash('sha256');
    for (const name of [...sources, ...CONFIGURATION]) {
      const { size, mtimeMs } = statSync(path.join(this.#root, name));
      hash.update(`${name} ${size} ${mtimeMs}\n`);
    }
    return hash.digest('hex');
  }

  /** @param {readonly string[]} sources */
  #content(sources) {
    const hash = createHash('sha256');
    for (const name of [...sources, ...CONFIGURATION]) {
      hash.update(`${name}\n`).update(readFileSync(path.join(this.#root, name)));
    }
    return hash.digest('hex');
  }

  /** @returns {Stamp | undefined} */
  #readStamp() {
    try {
      return JSON.parse(readFileSync(this.#stamp, 'utf8'));
    } catch {
      return undefined;
    }
  }

  /** @param {Stamp} stamp */
  #writeStamp(stamp) {
    writeFileSync(this.#stamp, JSON.stringify(stamp));
  }
}
