import { execFile } from 'node:child_process';
import { cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { cacheFolder, MODELS, PHOTOS, ROOT } from './paths';

const MODEL = 'efficientnet-lite0';
const LIMIT_MS = 10 * 60_000;

/**
 * A model repository in which the classifier's newest version is the one that `npm run convert`
 * makes of it, as an operator would.
 * @returns its folder, made anew
 * @throws Error with what the conversion wrote when it fails
 */
export async function bf16Repository(): Promise<string> {
  const repository = path.join(cacheFolder(), 'bf16');
  await rm(repository, { recursive: true, force: true });
  await mkdir(repository, { recursive: true });
  await cp(path.join(MODELS, MODEL), path.join(repository, MODEL), { recursive: true });
  const order = ['--model', MODEL, '--precision', 'bf16', '--images', PHOTOS];
  await promisify(execFile)(
    process.execPath,
    [path.join(ROOT, 'dist/commands/convert/main.js'), ...order, '--model-repository', repository],
    { timeout: LIMIT_MS },
  );
  return repository;
}
