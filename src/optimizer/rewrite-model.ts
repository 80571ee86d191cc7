import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

import type { Backend } from '../runtime/backend';
import { flattenModel } from './graph/flatten-model';
import { freeze } from './freeze';
import type { ImagePlan, ImageReport } from './image/image-plan';
import { writeImageModel } from './image/write-image-model';
import { NotRewritableError, RewriteDroppedError } from './not-rewritable';
import { addVariablesSignature, linkWeights, readVariables } from './read-variables';
import { readServedGraph, writeSavedModel } from './saved-model-file';
import { verify } from './verify';

const NOTHING_TO_GAIN = 'it has no variables: nothing to gain';

/** What a rewrite changed, and how near its answers are. */
export interface RewriteReport {
  readonly variables: number;
  /** Nodes that a run goes through: those of inlined functions before, those of the graph after. */
  readonly nodesBefore: number;
  readonly nodesAfter: number;
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
}

/**
 * Writes a SavedModel that answers as another does, with constants for variables, without calls and
 * with batch normalisation folded into weights; both are run and compared.
 * @param target folder to write into, which must not exist
 * @throws NotRewritableError with the reason why the original must be served as it is
 */
export async function rewriteModel(
  source: string,
  target: string,
  createBackend: () => Backend,
  { image, withoutVariables = false }: RewriteOptions = {},
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
    const counts = { variables: variables.length, nodesBefore, nodesAfter };
    const withImage =
      image === undefined
        ? undefined
        : await writeImageModel(target, frozen, image, original, backend);
    if (withImage?.written === true) {
      const { report, maxRelativeDifference } = withImage;
      original.dispose();
      return { ...counts, maxRelativeDifference, image: report };
    }
    if (pointless) {
      const { reason = '', dropped } = withImage?.report ?? {};
      const text = `${NOTHING_TO_GAIN}; ${reason}`;
      throw dropped === true ? new RewriteDroppedError(text) : new NotRewritableError(text);
    }
    await writeSavedModel(target, frozen);
    const rewritten = backend.loadModel(target);
    const maxRelativeDifference = verify(original, rewritten);
    rewritten.dispose();
    original.dispose();
    return {
      ...counts,
      maxRelativeDifference,
      ...(withImage === undefined ? {} : { image: withImage.report }),
    };
  } finally {
    await rm(readable, { recursive: true, force: true });
  }
}
