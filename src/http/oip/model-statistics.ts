import type { Servable } from '../../models/servable';
import type { Duration } from '../../models/servable-statistics';

const NS_PER_MS = 1e6;

/** `model_stats` of Triton's statistics extension. */
export function modelStatisticsBody(servables: readonly Servable[]): object {
  return { model_stats: servables.map(statistics) };
}

function statistics({ name, version, statistics: { snapshot } }: Servable): object {
  const none = duration({ count: 0, ms: 0 });
  return {
    name,
    version: String(version),
    last_inference: snapshot.lastRunAt,
    inference_count: snapshot.inferenceCount,
    execution_count: snapshot.executionCount,
    inference_stats: {
      success: duration(snapshot.success),
      fail: duration(snapshot.fail),
      queue: duration(snapshot.queue),
      compute_input: duration(snapshot.preprocess),
      compute_infer: duration(snapshot.infer),
      compute_output: duration(snapshot.postprocess),
      cache_hit: none,
      cache_miss: none,
    },
    response_stats: {},
    batch_stats: snapshot.batches.map(({ rows, assemble, infer, split }) => ({
      batch_size: rows,
      compute_input: duration(assemble),
      compute_infer: duration(infer),
      compute_output: duration(split),
    })),
    memory_usage: [],
  };
}

function duration({ count, ms }: Duration): object {
  return { count, ns: Math.round(ms * NS_PER_MS) };
}
