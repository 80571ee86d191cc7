import { readFileSync } from 'node:fs';
import { writeFile, mkdir } from 'node:fs/promises';
import path from 'node:path';

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';

import { constantBytes } from './graph/constant-bytes';
import { NotRewritableError } from './not-rewritable';
import { SavedModelSchema, type MetaGraphDef } from './protobuf/tensorflow_pb';

/** A protobuf message cannot be larger; a margin for what is around the weights. */
const LARGEST_MESSAGE = 2 ** 31 - 2 ** 24;

/**
 * The graph of a SavedModel that is served: the one tagged `serve` with the fewest other tags.
 * @throws NotRewritableError when it cannot be read or there is none
 */
export function readServedGraph(directory: string): MetaGraphDef {
  const bytes = readFileSync(path.join(directory, 'saved_model.pb'));
  let metaGraphs: MetaGraphDef[];
  try {
    ({ metaGraphs } = fromBinary(SavedModelSchema, bytes));
  } catch (cause) {
    throw new NotRewritableError('saved_model.pb cannot be read', { cause });
  }
  const [served] = metaGraphs
    .filter(({ metaInfoDef }) => metaInfoDef?.tags.includes('serve') === true)
    .sort((a, b) => (a.metaInfoDef?.tags.length ?? 0) - (b.metaInfoDef?.tags.length ?? 0));
  if (served === undefined) throw new NotRewritableError('it has no graph tagged "serve"');
  return served;
}

/**
 * Writes a SavedModel of one graph into a new folder.
 * @throws NotRewritableError when it is too large for the format
 */
export async function writeSavedModel(directory: string, meta: MetaGraphDef): Promise<void> {
  // What makes a message too large is known before it is made.
  const size = constantBytes(meta);
  if (size > LARGEST_MESSAGE) {
    throw new NotRewritableError(
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
