import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

import type { Backend } from '../runtime/backend';
import { checkInitialisation } from './graph/check-initialisation';
import { flattenModel } from './graph/flatten-model';
import { restoreLostVariables } from './graph/lost-variables';
import { freeze } from './freeze';
import type { ImagePlan, ImageReport } from './image/image-plan';
import { writeImageModel } from './image/write-image-model';
import { isNotRewritable, NotRewritableError, RewriteDroppedError } from './not-rewritable';
import type { MetaGraphDef } from '../saved-model/protobuf/tensorflow_pb';
import { addVariablesSignature, copyWeights, linkWeights, readVariables } from './read-variables';
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
  /** Present when the SavedModel itself restores not all of its variables. */
  readonly repair?: RepairReport | undefined;
}

/** What a SavedModel lacked to be served at all. */
interface RepairReport {
  /** Variables that nothing restored, and that get their values from the checkpoint now. */
  readonly variables: number;
  /** Why nothing else was rewritten; absent when it was. */
  readonly notOptimized?: string | undefined;
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
 * calls and with batch normalisation folded into weights; both are run and compared. One that does not
 * restore all of its variables is repaired, whether or not the rest can be rewritten.
 * @param target folder to write into, which must not exist
 * @throws NotRewritableError with the reason why the original must be served as it is
 */
export async function rewriteModel(
  source: string,
  target: string,
  createBackend: () => Backend,
  options: RewriteOptions = {},
): Promise<RewriteReport> {
  const meta = readServedGraph(source);
  const lost = restoreLostVariables(meta);
  if (lost === 0) return rewriteGraph(meta, { source, target }, createBackend, options);
  try {
    const report = await rewriteGraph(meta, { source, target }, createBackend, options);
    return { ...report, repair: { variables: lost } };
  } catch (thrown) {
    if (!isNotRewritable(thrown)) throw thrown;
    return await writeRepaired({ source, target }, thrown.message);
  }
}

/** The repair alone: the graph with its variables, which are copied. */
async function writeRepaired(
  { source, target }: Folders,
  notOptimized: string,
): Promise<RewriteReport> {
  await rm(target, { recursive: true, force: true });
  const meta = readServedGraph(source);
  const variables = restoreLostVariables(meta);
  await writeSavedModel(target, meta);
  await copyWeights(source, target);
  const nodes = meta.graphDef?.node.length ?? 0;
  return {
    variables: 0,
    nodesBefore: nodes,
    nodesAfter: nodes,
    weights: 'variables',
    maxRelativeDifference: 0,
    repair: { variables, notOptimized },
  };
}

interface Folders {
  readonly source: string;
  readonly target: string;
}

async function rewriteGraph(
  meta: MetaGraphDef,
  { source, target }: Folders,
  createBackend: () => Backend,
  { image, withoutVariables = false, weights = 'constants' }: RewriteOptions,
): Promise<RewriteReport> {
  checkInitialisation(meta);
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
