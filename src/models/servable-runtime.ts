import path from 'node:path';

import type { RunMemoryBudget } from '../batching/run-memory-budget';
import type { Config } from '../config/schema';
import { privateTemporaryDirectory } from '../process/cache-directory';
import { ModelOptimizer } from '../rewriter/model-optimizer';
import { RowExaminer } from './rows/row-examiner';
import type { ServableRuntimeOptions } from './servable';
import type { ServerSettings } from './server-settings';

export interface ServableRuntimeParts {
  /** Memory that runs of all models share; absent where runs take none of the machine's. */
  readonly runMemory?: RunMemoryBudget | undefined;
  /** Called when rewritten models cannot be kept. */
  readonly onCacheProblem: (reason: string) => void;
}

/** How every model is loaded, the same for the server and for `tfjs-serving doctor`. */
export function servableRuntime(
  config: Config,
  { plan, install, place, cacheDirectory }: ServerSettings,
  { runMemory, onCacheProblem }: ServableRuntimeParts,
): ServableRuntimeOptions {
  // What answers depend on besides the files of a model.
  const runtime = `${install?.tensorflowVersion ?? ''} ${install?.variant ?? ''}`;
  const { runTimeoutMs, loadTimeoutMs, optimizeTimeoutMs: timeoutMs } = config;
  const optimizer = new ModelOptimizer({
    cacheDirectory: path.join(cacheDirectory, 'models'),
    fallbackDirectory: privateTemporaryDirectory,
    cacheMaxBytes: config.cacheMaxBytes,
    timeoutMs,
    runtime,
    device: plan.device,
    onCacheProblem,
  });
  const rowExaminer = new RowExaminer({
    cacheDirectory: path.join(cacheDirectory, 'rows'),
    timeoutMs,
    runtime,
  });
  return {
    runTimeoutMs,
    loadTimeoutMs,
    place,
    runMemory,
    rowExaminer,
    ...(config.optimize ? { optimizer } : {}),
  };
}
