import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

import type { Backend } from '../runtime/backend';
import { flattenModel } from './graph/flatten-model';
import { freeze } from './freeze';
import { NotRewritableError } from './not-rewritable';
import { addVariablesSignature, linkWeights, readVariables } from './read-variables';
import { readServedGraph, writeSavedModel } from './saved-model-file';
import { verify } from './verify';

/** What a rewrite changed, and how near its answers are. */
export interface RewriteReport {
  readonly variables: number;
  /** Nodes that a run goes through: those of inlined functions before, those of the graph after. */
  readonly nodesBefore: number;
  readonly nodesAfter: number;
  /** max |original − rewritten| / max |original| over all outputs compared. */
  readonly maxRelativeDifference: number;
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
): Promise<RewriteReport> {
  const meta = readServedGraph(source);
  const flat = flattenModel(meta);
  const variables = [...flat.variables];
  if (variables.length === 0) throw new NotRewritableError('it has no variables: nothing to gain');
  const nodesBefore = flat.graph.size;
  const readable = await mkdtemp(path.join(path.dirname(target), 'variables-'));
  try {
    addVariablesSignature(meta, variables);
    await writeSavedModel(readable, meta);
    linkWeights(source, readable);
    const backend = createBackend();
    const original = backend.loadModel(readable);
    const frozen = freeze(meta, flat, readVariables(original, variables));
    const nodesAfter = frozen.graphDef?.node.length ?? 0;
    await writeSavedModel(target, frozen);
    const rewritten = backend.loadModel(target);
    const maxRelativeDifference = verify(original, rewritten);
    rewritten.dispose();
    original.dispose();
    return { variables: variables.length, nodesBefore, nodesAfter, maxRelativeDifference };
  } finally {
    await rm(readable, { recursive: true, force: true });
  }
}
