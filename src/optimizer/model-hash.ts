import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

import { hasErrorCode } from '../errors';
import type { ImagePlan } from './image/image-plan';

/** Another number, and everything is rewritten anew: raise it with every change of the rewriter. */
const REWRITER_REVISION = 2;

/**
 * sha256 over what decides the rewritten model: the graph, its variables, this program and what is
 * planned for images.
 */
export async function hashModel(
  directory: string,
  runtime: string,
  image?: ImagePlan,
): Promise<string> {
  const hash = createHash('sha256').update(`${REWRITER_REVISION} ${runtime} ${process.arch}\n`);
  if (image !== undefined) hash.update(`${JSON.stringify(image)}\n`);
  for (const file of ['saved_model.pb', ...(await variableFiles(directory))]) {
    hash.update(`${file}\n`);
    for await (const chunk of createReadStream(path.join(directory, file))) {
      hash.update(chunk as Buffer);
    }
  }
  return hash.digest('hex');
}

/** sha256 of one file. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
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
