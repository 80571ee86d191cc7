import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

import type { Backend } from '../runtime/backend';
import { flattenModel } from './graph/flatten-model';
import { freeze } from './freeze';
import type { ImagePlan, ImageReport } from './image/image-plan';
import { writeImageModel } from './image/write-image-model';
import { NotRewritableError, RewriteDroppedError } from './not-rewritable';
import type { MetaGraphDef } from '../saved-model/protobuf/tensorflow_pb';
import { addVariablesSignature, linkWeights, readVariables } from './read-variables';
import { readServedGraph, writeSavedModel } from '../saved-model/saved-model-file';
import { verify } from './verify';
import {
  storageFor,
  writeRewritten,
  type WeightChoice,
  type WeightStorage,
} from './write-rewritten';

const NOTHING_TO_GAIN = 'it has no variables: nothing to gain';

/** What a rewrite changed, and how near its answers are. */
export interface RewriteReport {
  readonly variables: number;
  /** Nodes that a run goes through: those of inlined functions before, those of the graph after. */
  readonly nodesBefore: number;
  readonly nodesAfter: number;
  /** What the large weights are in the rewritten graph. */
  readonly weights: WeightStorage;
  /** max |original − rewritten| / max |original| over all outputs compared. */
  readonly maxRelativeDifference: number;
  /** What surrounds the network and is in the graph; absent when nothing was planned. */
  readonly image?: ImageReport;
}

export interface RewriteOptions {
  /** What to put into the graph of a model that takes images. */
  readonly image?: ImagePlan | undefined;
  /**
   * Write a model that has no variables too, for its calls to be inlined.
   * @default false: refuse it, as nothing is gained
   */
  readonly withoutVariables?: boolean;
  /** What the large weights become. @default constants */
  readonly weights?: WeightChoice;
}

/**
 * Writes a SavedModel that answers as another does, with constants for variables or few of them, without
 * calls and with batch normalisation folded into weights; both are run and compared.
 * @param target folder to write into, which must not exist
 * @throws NotRewritableError with the reason why the original must be served as it is
 */
export async function rewriteModel(
  source: string,
  target: string,
  createBackend: () => Backend,
  { image, withoutVariables = false, weights = 'constants' }: RewriteOptions = {},
): Promise<RewriteReport> {
  const meta = readServedGraph(source);
  const flat = flattenModel(meta);
  const variables = [...flat.variables];
  const pointless = variables.length === 0 && !withoutVariables;
  if (pointless && image === undefined) throw new NotRewritableError(NOTHING_TO_GAIN);
  const nodesBefore = flat.graph.size;
  const readable = await mkdtemp(path.join(path.dirname(target), 'variables-'));
  try {
    if (variables.length > 0) addVariablesSignature(meta, variables);
    await writeSavedModel(readable, meta);
    linkWeights(source, readable);
    const backend = createBackend();
    const original = backend.loadModel(readable);
    const values = variables.length > 0 ? readVariables(original, variables) : new Map();
    const frozen = freeze(meta, flat, values);
    const nodesAfter = frozen.graphDef?.node.length ?? 0;
    const storage = storageFor(frozen, weights);
    const write = (meta: MetaGraphDef): Promise<void> => writeRewritten(target, meta, storage);
    const facts = { variables: variables.length, nodesBefore, nodesAfter, weights: storage };
    const withImage =
      image === undefined
        ? undefined
        : await writeImageModel({ target, write }, frozen, image, original, backend);
    if (withImage?.written === true) {
      const { report, maxRelativeDifference } = withImage;
      original.dispose();
      return { ...facts, maxRelativeDifference, image: report };
    }
    if (pointless) {
      const { reason = '', dropped } = withImage?.report ?? {};
      const text = `${NOTHING_TO_GAIN}; ${reason}`;
      throw dropped === true ? new RewriteDroppedError(text) : new NotRewritableError(text);
    }
    await write(frozen);
    const rewritten = backend.loadModel(target);
    const maxRelativeDifference = verify(original, rewritten);
    rewritten.dispose();
    original.dispose();
    return {
      ...facts,
      maxRelativeDifference,
      ...(withImage === undefined ? {} : { image: withImage.report }),
    };
  } finally {
    await rm(readable, { recursive: true, force: true });
  }
}
