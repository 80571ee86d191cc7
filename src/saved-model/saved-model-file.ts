import { readFileSync } from 'node:fs';
import { writeFile, mkdir } from 'node:fs/promises';
import path from 'node:path';

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';

import { constantBytes } from './constant-bytes';
import { SavedModelSchema, type MetaGraphDef } from './protobuf/tensorflow_pb';
import { SavedModelError } from './saved-model-error';
import { servedGraph } from './served-graph';

/** A protobuf message cannot be larger; a margin for what is around the weights. */
const LARGEST_MESSAGE = 2 ** 31 - 2 ** 24;

/**
 * The graph of a SavedModel that is served, whole: not for the HTTP thread.
 * @throws SavedModelError when it cannot be read or there is none
 */
export function readServedGraph(directory: string): MetaGraphDef {
  const bytes = readFileSync(path.join(directory, 'saved_model.pb'));
  let metaGraphs: MetaGraphDef[];
  try {
    ({ metaGraphs } = fromBinary(SavedModelSchema, bytes));
  } catch (cause) {
    throw new SavedModelError('saved_model.pb cannot be read', { cause });
  }
  return servedGraph(metaGraphs.map((meta) => ({ meta, tags: meta.metaInfoDef?.tags ?? [] }))).meta;
}

/**
 * Writes a SavedModel of one graph into a new folder.
 * @throws SavedModelError when it is too large for the format
 */
export async function writeSavedModel(directory: string, meta: MetaGraphDef): Promise<void> {
  // What makes a message too large is known before it is made.
  const size = constantBytes(meta);
  if (size > LARGEST_MESSAGE) {
    throw new SavedModelError(
      `with its weights as constants it has ${(size / 2 ** 30).toFixed(1)} GiB, and a protobuf at most 2`,
    );
  }
  const bytes = toBinary(
    SavedModelSchema,
    create(SavedModelSchema, { savedModelSchemaVersion: 1n, metaGraphs: [meta] }),
  );
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'saved_model.pb'), bytes);
}
