import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { onInterrupt } from './cleanup.mjs';
import { SetupError } from './errors.mjs';
import { requireNpm, run } from './tools.mjs';

const NAME = '@tensorflow/tfjs';
/** @type {{ binding: string }} */
const { binding: VERSION } = JSON.parse(
  readFileSync(new URL('tensorflow.json', import.meta.url), 'utf8'),
);

/**
 * Keeps TensorFlow.js in the cache, for `tfjs-serving import` alone: it takes 270 MB, and serving
 * needs none of it. A clone has it among its packages. src/commands/import/tensorflow-js-folder.ts
 * knows the place too.
 */
export class TensorflowJs {
  #root;
  #folder;

  /** @param {{ root: string, cache: string }} options */
  constructor({ root, cache }) {
    this.#root = root;
    this.#folder = path.join(cache, `tensorflow-js-${VERSION}`);
  }

  title = `TensorFlow.js ${VERSION}`;

  isCurrent() {
    return [this.#root, this.#folder].some((folder) =>
      existsSync(path.join(folder, 'node_modules', NAME)),
    );
  }

  /** @param {{ progress: import('./progress.mjs').Progress }} options */
  async install({ progress }) {
    requireNpm();
    mkdirSync(path.dirname(this.#folder), { recursive: true });
    const temp = mkdtempSync(`${this.#folder}-`);
    const remove = () => rmSync(temp, { recursive: true, force: true });
    const forget = onInterrupt(remove);
    try {
      await progress.during(`fetching ${NAME} ${VERSION}`, () => install(temp));
      renameSync(temp, this.#folder);
    } finally {
      forget();
      remove();
    }
  }
}

/** @param {string} folder */
async function install(folder) {
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
  const args = ['install', '--prefix', folder, ...options, `${NAME}@${VERSION}`];
  const { code, output } = await run('npm', args, { cwd: folder });
  if (code === 0) return;
  throw new SetupError(
    `npm could not install ${NAME} (${code}).\n${output.trim().split('\n').slice(-8).join('\n')}`,
    'Check that npm reaches a registry: npm ping, npm config get registry',
  );
}
