import { existsSync } from 'node:fs';
import path from 'node:path';

import { INDEPENDENT, together, type RowsVerdict } from '../kernel/rows-verdict';
import { isBatchable, type Signatures } from '../kernel/tensor';
import type { ModelOptimizer, Optimization } from '../rewriter/model-optimizer';
import { imagePlanOf } from './image-graph';
import type { ModelConfig } from './model-config';
import type { RowExaminer } from './rows/row-examiner';
import type { ServableSpec } from './servable-spec';

export interface ModelToPrepare {
  /** Folder of the version. */
  readonly directory: string;
  readonly config: ModelConfig;
  /** Ends what has been started. */
  readonly signal: AbortSignal;
}

/**
 * Rewrites a model as model.json wants it.
 * @param optimizer absent when models are to be served as they are
 */
export async function optimizeModel(
  { directory, config: { optimize }, signal }: ModelToPrepare,
  spec: ServableSpec,
  optimizer: Pick<ModelOptimizer, 'optimize'> | undefined,
): Promise<Optimization> {
  if (optimize === false) return { state: 'original', reason: 'model.json says optimize: false' };
  if (optimizer === undefined) {
    return { state: 'original', reason: 'the server was started without optimisation' };
  }
  return optimizer.optimize(directory, signal, {
    image: imagePlanOf(spec, optimize),
    ...(typeof optimize === 'object' ? { weights: optimize.weights } : {}),
  });
}

export interface RowsFound {
  /** By signature. */
  readonly rows: ReadonlyMap<string, RowsVerdict>;
  /** Whether an examination found it; otherwise model.json says it, or nobody looked. */
  readonly examined: boolean;
}

/**
 * Which signatures have independent rows: what model.json says goes before what is found out.
 * @param examiner absent: nobody's rows are taken to be independent
 */
export async function findRows(
  { directory, config: { batching }, signal }: ModelToPrepare,
  signatures: Signatures,
  optimization: Optimization,
  examiner: Pick<RowExaminer, 'examine'> | undefined,
): Promise<RowsFound> {
  const open = Object.entries(signatures).filter(([, signature]) => isBatchable(signature));
  const all = (verdict: RowsVerdict): RowsFound => ({
    rows: new Map(open.map(([name]) => [name, verdict])),
    examined: false,
  });
  if (batching === false) return all(together('model.json says "batching": false'));
  if (batching?.independentRows === true) return all(INDEPENDENT);
  if (batching?.independentRows === false) {
    return all(together('model.json says "independentRows": false'));
  }
  if (examiner === undefined) return all(together('it was not examined'));
  const loaded = directoryToLoad(directory, optimization);
  const rows = await examiner.examine({ source: directory, loaded, signatures }, signal);
  return { rows, examined: true };
}

/** The cache is shared: what another process removed is loaded as it was. */
export function directoryToLoad(original: string, optimization: Optimization): string {
  return optimization.state === 'optimized' &&
    existsSync(path.join(optimization.directory, 'saved_model.pb'))
    ? optimization.directory
    : original;
}
