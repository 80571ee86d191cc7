import { z } from 'zod';

/** What a contender says of itself; counters go up from its start. */
export interface ServerStats {
  /** Images run, and runs of the model. */
  readonly rows?: number;
  readonly runs?: number;
  /** Since the last time it was asked. */
  readonly loopP99Ms?: number;
}

const statsSchema = z.object({
  rows: z.number().optional(),
  runs: z.number().optional(),
  loopP99Ms: z.number().optional(),
});

/** Reads Prometheus text of this server, or the JSON of a contender. */
export function parseStats(text: string): ServerStats {
  if (text.startsWith('{')) {
    const { rows, runs, loopP99Ms } = statsSchema.parse(JSON.parse(text));
    return {
      ...(rows === undefined ? {} : { rows }),
      ...(runs === undefined ? {} : { runs }),
      ...(loopP99Ms === undefined ? {} : { loopP99Ms }),
    };
  }
  const loop = sumOf(text, 'tfjs_serving_event_loop_delay_seconds{quantile="0.99"}');
  return {
    rows: sumOf(text, 'tfjs_serving_inference_count_total'),
    runs: sumOf(text, 'tfjs_serving_execution_count_total'),
    loopP99Ms: loop * 1000,
  };
}

/** Sum over all lines that begin with a name, labels or not. */
function sumOf(text: string, start: string): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${start} `) || line.startsWith(`${start}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
