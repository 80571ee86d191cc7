import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

import { hasErrorCode } from '../kernel/errors';
import type { ImagePlan } from './image/image-plan';
import type { WeightChoice } from './write-rewritten';

/** Another number, and everything is rewritten anew: raise it with every change of the rewriter. */
const REWRITER_REVISION = 4;

/**
 * sha256 over what decides the rewritten model: the graph, its variables, this program, what is
 * planned for images, and what weights become.
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

async function modelFiles(directory: string): Promise<string[]> {
  return ['saved_model.pb', ...(await variableFiles(directory))];
}

async function variableFiles(directory: string): Promise<string[]> {
  try {
    const names = await readdir(path.join(directory, 'variables'));
    return names.sort().map((name) => path.join('variables', name));
  } catch (thrown) {
    // A model without variables.
    if (hasErrorCode(thrown, 'ENOENT')) return [];
    throw thrown;
  }
}
