import { createHash, type Hash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

import { hasErrorCode } from '../kernel/errors';

/** What TensorFlow reads of a SavedModel, but for its graph. */
const FOLDERS = ['variables', 'assets', 'assets.extra'];

/**
 * Changes when a file of the version comes, goes, grows or is written again.
 * @returns undefined when there is no saved_model.pb
 */
export async function fingerprintOf(directory: string): Promise<string | undefined> {
  const graph = await stat(path.join(directory, 'saved_model.pb')).catch(() => undefined);
  if (graph?.isFile() !== true) return undefined;
  const hash = createHash('sha256').update(`${graph.size} ${graph.mtimeMs}\n`);
  // Links may lead in circles: no folder is looked into twice.
  const visited = new Set<string>();
  for (const folder of FOLDERS) await addFiles(hash, visited, directory, folder);
  return hash.digest('hex');
}

async function addFiles(
  hash: Hash,
  visited: Set<string>,
  directory: string,
  name: string,
): Promise<void> {
  const file = path.join(directory, name);
  try {
    const found = await stat(file);
    if (!found.isDirectory()) {
      hash.update(`${name} ${found.size} ${found.mtimeMs}\n`);
      return;
    }
    const folder = `${found.dev} ${found.ino}`;
    if (visited.has(folder)) return;
    visited.add(folder);
    for (const entry of (await readdir(file)).sort()) {
      await addFiles(hash, visited, directory, path.join(name, entry));
    }
  } catch (thrown) {
    // One that cannot be read yet may be read at the next look.
    if (!hasErrorCode(thrown, 'ENOENT')) hash.update(`${name} unreadable\n`);
  }
}
