import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { systemCode } from './errors.mjs';

/** Written last: a folder without it is incomplete. */
const NAME = 'manifest.json';

/** @typedef {{ path: string, bytes: number, sha256: string }} InstalledFile path relative to the folder */
/** @typedef {InstalledFile & { modified: number }} Entry with its time of change in seconds */
/** @typedef {{ files: Entry[] }} Manifest besides what the folder is about */

/** @param {import('node:fs').Stats} stats */
function modified(stats) {
  // Whole seconds: tar archives and container layers keep no more.
  return Math.floor(stats.mtimeMs / 1000);
}

/**
 * Records what a finished cache folder holds.
 * @param {string} folder
 * @param {object} about goes into the manifest as it is
 * @param {readonly InstalledFile[]} files
 */
export function writeManifest(folder, about, files) {
  const entries = files.map((file) => ({
    ...file,
    modified: modified(statSync(path.join(folder, file.path))),
  }));
  save(folder, { ...about, files: entries });
}

/**
 * @param {string} folder
 * @param {Manifest} manifest
 */
function save(folder, manifest) {
  const file = path.join(folder, NAME);
  const next = `${file}.${process.pid}`;
  writeFileSync(next, `${JSON.stringify(manifest, null, 1)}\n`);
  renameSync(next, file);
}

/**
 * @param {string} folder
 * @returns {Manifest | undefined}
 */
function readManifest(folder) {
  try {
    return JSON.parse(readFileSync(path.join(folder, NAME), 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param {string} file */
export async function sha256Of(file) {
  const hash = createHash('sha256');
  for await (const block of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(block);
  return hash.digest('hex');
}

/**
 * Judges a file by its metadata alone; `touched` means the right size and another time.
 * @param {string} folder
 * @param {Entry} entry
 * @returns {'same' | 'touched' | 'broken'}
 */
function lookAt(folder, entry) {
  const stats = statSync(path.join(folder, entry.path), { throwIfNoEntry: false });
  if (stats === undefined || stats.size !== entry.bytes) return 'broken';
  return modified(stats) === entry.modified ? 'same' : 'touched';
}

/**
 * Checks a cache folder. Metadata alone decides while sizes and times are as recorded; a file with
 * another time (the cache was copied) is read once, and its new time is kept.
 * @param {string} folder
 * @param {{ full: boolean }} options full: reads every file
 * @returns what is wrong; undefined when nothing is
 */
export async function checkFolder(folder, { full }) {
  const manifest = readManifest(folder);
  if (manifest === undefined) return 'it is not there';
  let touched = false;
  for (const entry of manifest.files) {
    const state = lookAt(folder, entry);
    if (state === 'broken') return `${entry.path} is missing or has another size`;
    if (state === 'same' && !full) continue;
    if ((await sha256Of(path.join(folder, entry.path))) !== entry.sha256) {
      return `${entry.path} differs from what was installed`;
    }
    if (state === 'touched') {
      entry.modified = modified(statSync(path.join(folder, entry.path)));
      touched = true;
    }
  }
  if (touched) saveIfWritable(folder, manifest);
  return undefined;
}

/**
 * @param {string} folder
 * @param {Manifest} manifest
 */
function saveIfWritable(folder, manifest) {
  try {
    save(folder, manifest);
  } catch (error) {
    // A read-only cache (a container image) works too: the files are read again next time.
    if (!['EACCES', 'EROFS', 'EPERM'].includes(systemCode(error) ?? '')) throw error;
  }
}
