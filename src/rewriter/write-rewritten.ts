import { rm } from 'node:fs/promises';

import { writeCheckpoint } from '../saved-model/checkpoint/write-checkpoint';
import { movableBytes, weightsAsVariables } from './graph/weights-as-variables';
import type { MetaGraphDef } from '../saved-model/protobuf/tensorflow_pb';
import { writeSavedModel } from '../saved-model/saved-model-file';

/** What large weights are in a rewritten graph. */
export type WeightStorage = 'constants' | 'variables';

/** A number: variables from that many bytes of them. */
export type WeightChoice = WeightStorage | number;

/**
 * From these bytes on weights are variables, unless said otherwise.
 *
 * On a CPU constants are faster, as oneDNN puts them into its own order once, and take more memory:
 * ResNet50, 98 MiB, took 0.95 GB an instance instead of 0.25, and ran in 0.87 (batch 1) to 0.95 (batch 8)
 * of the time. On a GPU there is nothing to gain, and each signature that is run would have its copy in
 * the GPU's memory.
 */
export const VARIABLES_FROM_BYTES = { cpu: 256 * 1024 * 1024, gpu: 0 } as const;

/** @param meta the rewritten graph, all of its weights constants */
export function storageFor(meta: MetaGraphDef, choice: WeightChoice): WeightStorage {
  const bytes = movableBytes(meta);
  if (bytes === 0) return 'constants';
  if (typeof choice !== 'number') return choice;
  return bytes >= choice ? 'variables' : 'constants';
}

/**
 * Writes a rewritten graph as a SavedModel; one that is there is replaced.
 * @throws NotRewritableError when it is too large for the format
 */
export async function writeRewritten(
  target: string,
  meta: MetaGraphDef,
  storage: WeightStorage,
): Promise<void> {
  await rm(target, { recursive: true, force: true });
  if (storage === 'constants') {
    await writeSavedModel(target, meta);
    return;
  }
  const moved = weightsAsVariables(meta);
  await writeSavedModel(target, moved.meta);
  await writeCheckpoint(target, moved.weights);
}
