import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

import { hasErrorCode } from '../kernel/errors';
import type { ImagePlan } from './image/image-plan';
import type { WeightChoice } from './write-rewritten';

/** Another number, and everything is rewritten anew: raise it with every change of the rewriter. */
const REWRITER_REVISION = 5;

/**
 * sha256 over what decides the rewritten model: the graph, its variables and assets, this program, what
 * is planned for images, and what weights become.
 */
export async function hashModel(
  directory: string,
  runtime: string,
  weights: WeightChoice,
  image?: ImagePlan,
): Promise<string> {
  const hash = createHash('sha256').update(
    `${REWRITER_REVISION} ${runtime} ${process.arch} ${weights}\n`,
  );
  if (image !== undefined) hash.update(`${JSON.stringify(image)}\n`);
  await addFiles(hash, directory);
  return hash.digest('hex');
}

/** sha256 of the files of a SavedModel. */
export async function hashFiles(directory: string): Promise<string> {
  const hash = createHash('sha256');
  await addFiles(hash, directory);
  return hash.digest('hex');
}

/** Bytes of the files of a SavedModel. @throws Error when it is none */
export async function sizeOfFiles(directory: string): Promise<number> {
  const files = await modelFiles(directory);
  const sizes = await Promise.all(
    files.map(async (file) => (await stat(path.join(directory, file))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function addFiles(hash: Hash, directory: string): Promise<void> {
  for (const file of await modelFiles(directory)) {
    hash.update(`${file}\n`);
    for await (const chunk of createReadStream(path.join(directory, file))) {
      hash.update(chunk as Buffer);
    }
  }
}

/** What a SavedModel has beside its graph; variables may be initialised from assets. */
const FOLDERS = ['variables', 'assets', 'assets.extra'];

async function modelFiles(directory: string): Promise<string[]> {
  const folders = await Promise.all(FOLDERS.map((folder) => filesBelow(directory, folder)));
  return ['saved_model.pb', ...folders.flat()];
}

/** Paths of the files in a folder and those below, in order; none where there is no folder. */
async function filesBelow(directory: string, folder: string): Promise<string[]> {
  try {
    const names = await readdir(path.join(directory, folder), { recursive: true });
    const files = await Promise.all(
      names.sort().map(async (name) => {
        const file = path.join(folder, name);
        return (await stat(path.join(directory, file))).isFile() ? [file] : [];
      }),
    );
    return files.flat();
  } catch (thrown) {
    if (hasErrorCode(thrown, 'ENOENT')) return [];
    throw thrown;
  }
}
