import path from 'node:path';

import {
  ModelOptimizer,
  type ModelOptimizerOptions,
  type Optimization,
} from '../../src/rewriter/model-optimizer';

/** Keeps rewrites in the folders `cache` and `fallback` of the given one, unless told otherwise. */
export function testOptimizer(
  folder: string,
  options: Partial<ModelOptimizerOptions> = {},
): ModelOptimizer {
  return new ModelOptimizer({
    cacheDirectory: path.join(folder, 'cache'),
    fallbackDirectory: () => path.join(folder, 'fallback'),
    cacheMaxBytes: 2 ** 30,
    timeoutMs: 60_000,
    runtime: 'test',
    device: 'cpu',
    ...options,
  });
}

/** The rewrite; a model that was left alone fails the test with the reason. */
export function optimized(result: Optimization): Extract<Optimization, { state: 'optimized' }> {
  if (result.state !== 'optimized') throw new Error(result.reason);
  return result;
}
