import {
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { onInterrupt } from './cleanup.mjs';
import { BINDING, SYSTEM, compileBinding, isLinked, linkBinding, tryBinding } from './binding.mjs';
import { SetupError } from './errors.mjs';
import { withLock } from './lock.mjs';
import { checkFolder, sha256Of, writeManifest } from './manifest.mjs';
import { checkSystem } from './platform.mjs';
import { findNativeTools } from './tools.mjs';
import { installWheel } from './wheel.mjs';

const RECORD = 'node_modules/.tfjs-serving-runtime.json';
const pins = JSON.parse(readFileSync(new URL('tensorflow.json', import.meta.url), 'utf8'));

/** Everything that decides the folder's content is in its name. */
function keyOf(platform, variant) {
  return `tensorflow-${pins.tensorflow}-${variant}-${platform}-binding-${pins.binding}-${pins.layout}`;
}

/** What is installed, for programs that show it (`npm run doctor`). */
function describe(platform, variant, folder) {
  const cuda = pins.wheels[platform][variant].filter(({ name }) => name.startsWith('nvidia-'));
  return {
    tensorflowVersion: pins.tensorflow,
    variant,
    platform,
    cachePath: folder,
    cudaLibraries: cuda.map(({ name, version }) => `${name} ${version}`),
  };
}

export class NativeRuntime {
  #root;
  #cache;
  #folder;
  #key;
  #platform;
  #variant;

  constructor({ root, cache, platform, variant }) {
    this.#root = root;
    this.#cache = cache;
    this.#platform = platform;
    this.#variant = variant;
    this.#key = keyOf(platform, variant);
    this.#folder = path.join(cache, this.#key);
  }

  get title() {
    return `TensorFlow ${pins.tensorflow} (${this.#variant}) in ${this.#folder}`;
  }

  async isCurrent({ full }) {
    return (
      isLinked(this.#root, this.#folder) &&
      this.#recordIsCurrent() &&
      (await checkFolder(this.#folder, { full })) === undefined
    );
  }

  async install({ full, progress }) {
    await this.#fillCache(full, progress);
    linkBinding(this.#root, this.#folder);
    writeFileSync(path.join(this.#root, RECORD), this.#record());
  }

  async #fillCache(full, progress) {
    if ((await checkFolder(this.#folder, { full })) === undefined) return;
    checkSystem(this.#platform);
    const tools = findNativeTools(process.env);
    const lock = path.join(this.#cache, 'locks', `${this.#key}.lock`);
    const onWait = (pid) =>
      progress.say(`waiting for another set-up that fills the cache (process ${pid}) ...`);
    await withLock(lock, onWait, async () => {
      // The one we waited for may have done it all.
      const problem = await checkFolder(this.#folder, { full });
      if (problem === undefined) return;
      if (statSync(this.#folder, { throwIfNoEntry: false }) !== undefined) {
        progress.say(`replacing ${this.#folder}: ${problem}`);
      }
      await this.#fill(tools, progress);
    });
  }

  async #fill(tools, progress) {
    const temp = path.join(this.#cache, 'tmp');
    mkdirSync(temp, { recursive: true });
    this.#removeLeftovers(temp);
    this.#checkSpace();
    const work = path.join(temp, `${this.#key}.${process.pid}.${Date.now()}`);
    const remove = () => rmSync(work, { recursive: true, force: true });
    const forget = onInterrupt(remove);
    try {
      const folder = path.join(work, 'content');
      mkdirSync(folder, { recursive: true });
      const files = [];
      for (const wheel of this.#wheels()) {
        const download = path.join(work, wheel.name);
        mkdirSync(download);
        const target = folder;
        const options = { pins, folder: download, target, tools, progress };
        files.push(...(await installWheel(wheel, options)));
      }
      files.push(...this.#makeLinks(folder, files));
      await compileBinding(this.#root, folder, tools.compiler, progress);
      await tryBinding(folder, pins.tensorflow, progress);
      for (const compiled of [BINDING, SYSTEM]) {
        const file = path.join(folder, compiled);
        files.push({ path: compiled, bytes: statSync(file).size, sha256: await sha256Of(file) });
      }
      writeManifest(folder, describe(this.#platform, this.#variant, this.#folder), files);
      await this.#publish(folder, path.join(work, 'replaced'));
    } finally {
      forget();
      remove();
    }
  }

  /**
   * TensorFlow opens every CUDA library from libtensorflow_framework, whose RUNPATH names the
   * folders of all of them but cuSOLVER's (that one is in libtensorflow_cc's, which does not count),
   * and uses no GPU at all if one is missing. A link in a folder that it does look in helps; it lies
   * as deep as its target, so that the library's own $ORIGIN paths stay right.
   */
  #makeLinks(folder, files) {
    const links = this.#wheels().flatMap((wheel) => Object.entries(wheel.links ?? {}));
    return links.map(([link, target]) => {
      symlinkSync(target, path.join(folder, link));
      const targetPath = path.join(path.dirname(link), target);
      return { ...files.find((file) => file.path === targetPath), path: link };
    });
  }

  /** Renames the finished folder into place; whoever comes second keeps the first one's. */
  async #publish(folder, aside) {
    try {
      // A server that has the old files open keeps them until it ends.
      renameSync(this.#folder, aside);
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
    try {
      renameSync(folder, this.#folder);
    } catch (error) {
      const other = await checkFolder(this.#folder, { full: false });
      if (other !== undefined) throw error;
    }
  }

  #wheels() {
    return pins.wheels[this.#platform][this.#variant];
  }

  /** We hold the lock, so every temp folder of this key is a dead set-up's. */
  #removeLeftovers(temp) {
    for (const name of readdirSync(temp)) {
      if (name.startsWith(`${this.#key}.`)) {
        rmSync(path.join(temp, name), { recursive: true, force: true });
      }
    }
  }

  #checkSpace() {
    const wheels = this.#wheels();
    const unpacked = wheels.reduce((sum, wheel) => sum + wheel.unpackedBytes, 0);
    // One wheel at a time is on the disk beside what is unpacked.
    const needed = unpacked + Math.max(...wheels.map((wheel) => wheel.bytes)) + 50e6;
    const { bavail, bsize } = statfsSync(this.#cache);
    if (bavail * bsize < needed) {
      const gigabytes = (bytes) => (bytes / 1e9).toFixed(1);
      throw new SetupError(
        `${this.#cache} has ${gigabytes(bavail * bsize)} GB free, and ${gigabytes(needed)} GB are needed.`,
        'Free some space, or choose another folder with --cache or TFJS_SERVING_CACHE',
      );
    }
  }

  #record() {
    return `${JSON.stringify(describe(this.#platform, this.#variant, this.#folder), null, 2)}\n`;
  }

  #recordIsCurrent() {
    try {
      return readFileSync(path.join(this.#root, RECORD), 'utf8') === this.#record();
    } catch {
      return false;
    }
  }
}
