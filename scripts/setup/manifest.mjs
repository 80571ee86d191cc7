import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Written last: a cache folder without it is not one. */
const NAME = 'manifest.json';

function modified(stats) {
  // Whole seconds: tar archives and container layers keep no more.
  return Math.floor(stats.mtimeMs / 1000);
}

/** Records what a finished cache folder holds; `files` are { path, bytes, sha256 }. */
export function writeManifest(folder, about, files) {
  const entries = files.map((file) => ({
    ...file,
    modified: modified(statSync(path.join(folder, file.path))),
  }));
  save(folder, { ...about, files: entries });
}

function save(folder, manifest) {
  const file = path.join(folder, NAME);
  const next = `${file}.${process.pid}`;
  writeFileSync(next, `${JSON.stringify(manifest, null, 1)}\n`);
  renameSync(next, file);
}

function readManifest(folder) {
  try {
    return JSON.parse(readFileSync(path.join(folder, NAME), 'utf8'));
  } catch {
    return undefined;
  }
}

export async function sha256Of(file) {
  const hash = createHash('sha256');
  for await (const block of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(block);
  return hash.digest('hex');
}

/** 'same', 'touched' (right size, other time) or 'broken', from the file's metadata alone. */
function lookAt(folder, entry) {
  const stats = statSync(path.join(folder, entry.path), { throwIfNoEntry: false });
  if (stats === undefined || stats.size !== entry.bytes) return 'broken';
  return modified(stats) === entry.modified ? 'same' : 'touched';
}

/**
 * Checks a cache folder. Metadata alone decides while sizes and times are as recorded; a file with
 * another time (the cache was copied) is read once and its new time kept. `full` reads every file.
 * Answers undefined when all is well, else what is wrong.
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

function saveIfWritable(folder, manifest) {
  try {
    save(folder, manifest);
  } catch (error) {
    // A read-only cache (a container image) works too: it is only checked again next time.
    if (!['EACCES', 'EROFS', 'EPERM'].includes(error.code)) throw error;
  }
}
