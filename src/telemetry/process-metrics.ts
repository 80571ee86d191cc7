import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';

import { collectDefaultMetrics, Summary, type Registry } from 'prom-client';

const NS_PER_S = 1e9;
const NS_PER_MS = 1e6;
const LOOP_RESOLUTION_MS = 10;

/** prom-client's sums of others: gauges, whose names are those of counters. */
const MISNAMED = ['active_resources_total', 'active_handles_total', 'active_requests_total'];

/**
 * What is known of the process that speaks HTTP: prom-client's metrics under their own names, as
 * dashboards of others want them, and under the prefix of all others; the delay of its event loop.
 * @returns ends what keeps measuring
 */
export function registerProcessMetrics(registry: Registry, prefix: string): () => void {
  for (const front of ['', prefix]) {
    collectDefaultMetrics({ register: registry, prefix: front });
    for (const name of MISNAMED) registry.removeSingleMetric(`${front}nodejs_${name}`);
  }
  const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  delay.enable();
  registry.registerMetric(new LoopDelay(`${prefix}event_loop_delay_seconds`, delay));
  return () => {
    delay.disable();
  };
}

type Exported = Awaited<ReturnType<Summary<'quantile'>['get']>>;

/** Quantiles of the delays since the last scrape, sum and number of all. */
class LoopDelay extends Summary<'quantile'> {
  readonly #name: string;
  readonly #delay: IntervalHistogram;
  #seconds = 0;
  #count = 0;

  constructor(name: string, delay: IntervalHistogram) {
    super({
      name,
      help: 'Event-loop delay of the HTTP thread; quantiles since the last scrape',
      registers: [],
    });
    this.#name = name;
    this.#delay = delay;
  }

  override async get(): Promise<Exported> {
    const delay = this.#delay;
    const quantiles = [50, 99, 100].map((percentile) => ({
      labels: { quantile: String(percentile / 100) },
      value: secondsOf(delay.percentile(percentile)),
    }));
    if (delay.count > 0) {
      this.#seconds += secondsOf(delay.mean) * delay.count;
      this.#count += delay.count;
    }
    delay.reset();
    return {
      ...(await super.get()),
      values: [
        ...quantiles,
        { metricName: `${this.#name}_sum`, labels: {}, value: this.#seconds },
        { metricName: `${this.#name}_count`, labels: {}, value: this.#count },
      ],
    };
  }
}

/** The sampling interval is part of what Node measures. */
function secondsOf(ns: number): number {
  return Math.max(0, ns - LOOP_RESOLUTION_MS * NS_PER_MS) / NS_PER_S;
}
