import { Counter, Gauge, Histogram, Registry } from 'prom-client';

import type { InstanceEnd } from '../kernel/run-lost-error';
import { registerProcessMetrics } from './process-metrics';

const PREFIX = 'tfjs_serving_';
/** From half a millisecond (a cache-warm tensor) to half a minute (a large picture on a CPU). */
const STAGE_BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
const LOAD_BUCKETS = [0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const BATCH_BUCKETS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256];

/** What is read when /metrics is asked for. */
export interface ServableGauges {
  readonly model: string;
  readonly version: number;
  /** As in model.json. */
  readonly task: string;
  readonly queueDepth: number;
  readonly admitted: number;
  readonly batchLimit: number;
  /** Share of its instances that were busy lately. */
  readonly utilization: number;
  /** What a request that comes now would wait for its run. */
  readonly estimatedWaitMs: number;
  readonly instancesReady: number;
  readonly instances: number;
  /** Bytes that its instances have in memory, shared pages counted in each. */
  readonly residentBytes: number;
}

/** Of the server as a whole. */
interface ServerGauges {
  /** Bytes that requests hold; see maxBytesInFlight. */
  readonly bytesInFlight: number;
  /** Bytes of memory that runs were given; see maxRunMemory. */
  readonly runMemoryBytes: number;
}

export interface Metrics {
  readonly registry: Registry;
  /** One answered HTTP request. @param labels.key name of the API key that it showed */
  request(
    labels: { method: string; route: string; status: number; key?: string | undefined },
    seconds: number,
  ): void;
  /** Images, or rows of tensors, that a request of a key held. */
  readonly keyImages: (key: string, images: number) => void;
  /** One image or tensor request, by outcome. */
  readonly inference: (model: string, version: number, code: string) => void;
  readonly stage: (model: string, version: number, stage: string, ms: number) => void;
  /** One run of a batch. */
  execution(model: string, version: number, rows: number, paddedRows: number): void;
  lost(model: string, version: number, end: InstanceEnd): void;
  split(model: string, version: number): void;
  /** A version is served from now on: as the repository holds it, or for a request. */
  loaded(model: string, version: number, reason: 'repository' | 'request', seconds: number): void;
  /** It was unloaded, for as long as nobody asks for it. */
  evicted(model: string, version: number, reason: 'room' | 'idle'): void;
  /** Called on every scrape. */
  onScrape(read: () => readonly ServableGauges[]): void;
  /** The same for the server as a whole. */
  onServerScrape(read: () => ServerGauges): void;
  /** Ends what keeps measuring. */
  close(): void;
}

/** Every metric of the server; docs/metrics.md lists them. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const endProcessMetrics = registerProcessMetrics(registry, PREFIX);
  const registers = [registry];
  const model = ['model', 'version'] as const;
  const requests = new Counter({
    name: `${PREFIX}http_requests_total`,
    help: 'HTTP requests answered',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: `${PREFIX}http_request_duration_seconds`,
    help: 'Time from the request head to the end of the answer',
    labelNames: ['method', 'route'],
    buckets: STAGE_BUCKETS,
    registers,
  });
  const keyRequests = new Counter({
    name: `${PREFIX}api_key_requests_total`,
    help: 'HTTP requests answered, by the name of the API key that they showed',
    labelNames: ['key', 'status'],
    registers,
  });
  const keyImages = new Counter({
    name: `${PREFIX}api_key_images_total`,
    help: 'Images, or rows of tensors, in the requests of an API key',
    labelNames: ['key'],
    registers,
  });
  const inferences = new Counter({
    name: `${PREFIX}inference_requests_total`,
    help: 'Images or tensor requests, by outcome: OK or an error code',
    labelNames: [...model, 'code'],
    registers,
  });
  const rows = new Counter({
    name: `${PREFIX}inference_count_total`,
    help: 'Rows run; divided by execution_count, the mean batch size',
    labelNames: model,
    registers,
  });
  const executions = new Counter({
    name: `${PREFIX}execution_count_total`,
    help: 'Runs of the model',
    labelNames: model,
    registers,
  });
  const padding = new Counter({
    name: `${PREFIX}padding_rows_total`,
    help: 'Rows run only to reach an allowed batch size',
    labelNames: model,
    registers,
  });
  const stages = new Histogram({
    name: `${PREFIX}stage_duration_seconds`,
    help: 'Time of one image in a stage: preprocess, queue, infer, postprocess (pictures are drawn and encoded in it)',
    labelNames: [...model, 'stage'],
    buckets: STAGE_BUCKETS,
    registers,
  });
  const batchSize = new Histogram({
    name: `${PREFIX}batch_size`,
    help: 'Rows in a run, padding not counted',
    labelNames: model,
    buckets: BATCH_BUCKETS,
    registers,
  });
  const restarts = new Counter({
    name: `${PREFIX}instance_restarts_total`,
    help: 'Instances replaced, by cause: crash, timeout or memory; by signal or exit code',
    labelNames: [...model, 'cause', 'signal', 'exit_code'],
    registers,
  });
  const splits = new Counter({
    name: `${PREFIX}batch_splits_total`,
    help: 'Batches that failed and were tried again in parts',
    labelNames: model,
    registers,
  });
  const loads = new Counter({
    name: `${PREFIX}model_loads_total`,
    help: 'Versions loaded: for the repository, or for a request of one that is loaded on demand',
    labelNames: [...model, 'reason'],
    registers,
  });
  const loadTimes = new Histogram({
    name: `${PREFIX}model_load_duration_seconds`,
    help: 'Time to load and warm a version',
    labelNames: model,
    buckets: LOAD_BUCKETS,
    registers,
  });
  const evictions = new Counter({
    name: `${PREFIX}model_evictions_total`,
    help: 'Versions unloaded until they are asked for: to make room, or idle for long',
    labelNames: [...model, 'reason'],
    registers,
  });
  let read: () => readonly ServableGauges[] = () => [];
  const gauge = (name: string, help: string, value: (servable: ServableGauges) => number): void => {
    new Gauge({
      name: PREFIX + name,
      help,
      labelNames: model,
      registers,
      collect() {
        this.reset();
        for (const servable of read()) {
          this.set({ model: servable.model, version: servable.version }, value(servable));
        }
      },
    });
  };
  new Gauge({
    name: `${PREFIX}model_info`,
    help: 'Always 1: what a model that is served does',
    labelNames: [...model, 'task'],
    registers,
    collect() {
      this.reset();
      for (const { model: name, version, task } of read()) {
        this.set({ model: name, version, task }, 1);
      }
    },
  });
  gauge('queue_depth', 'Requests waiting for a batch', (servable) => servable.queueDepth);
  gauge('admitted_requests', 'Requests admitted and not yet in a batch', (s) => s.admitted);
  gauge('batch_limit', 'Rows a batch may have; falls when memory runs out', (s) => s.batchLimit);
  gauge(
    'utilization',
    'Share of the instances that were busy lately, 0 to 1',
    (s) => s.utilization,
  );
  gauge(
    'estimated_wait_seconds',
    'Time that a request which comes now would wait for its run',
    (servable) => servable.estimatedWaitMs / 1000,
  );
  gauge('instances_ready', 'Instances that take work', (servable) => servable.instancesReady);
  gauge('instances', 'Instances configured', (servable) => servable.instances);
  gauge(
    'instances_resident_memory_bytes',
    'Memory of the instances, pages that they share counted in each',
    (servable) => servable.residentBytes,
  );
  let readServer: () => ServerGauges = () => ({ bytesInFlight: 0, runMemoryBytes: 0 });
  const serverGauge = (name: string, help: string, value: (all: ServerGauges) => number): void => {
    new Gauge({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        this.set(value(readServer()));
      },
    });
  };
  serverGauge('bytes_in_flight', 'Bytes that requests hold', (all) => all.bytesInFlight);
  serverGauge(
    'server_utilization',
    'Share of the instances of all models that were busy lately, 0 to 1',
    () => {
      const all = read();
      const instances = all.reduce((sum, { instancesReady }) => sum + instancesReady, 0);
      const busy = all.reduce((sum, s) => sum + s.utilization * s.instancesReady, 0);
      return instances === 0 ? 0 : busy / instances;
    },
  );
  serverGauge(
    'server_estimated_wait_seconds',
    'The longest of the estimated waits of the models',
    () => Math.max(0, ...read().map(({ estimatedWaitMs }) => estimatedWaitMs)) / 1000,
  );
  serverGauge('run_memory_bytes', 'Bytes of memory given to runs', (all) => all.runMemoryBytes);

  return {
    registry,
    request: ({ method, route, status, key }, seconds) => {
      requests.inc({ method, route, status });
      if (key !== undefined) keyRequests.inc({ key, status });
      durations.observe({ method, route }, seconds);
    },
    keyImages: (key, images) => {
      keyImages.inc({ key }, images);
    },
    inference: (name, version, code) => {
      inferences.inc({ model: name, version, code });
    },
    stage: (name, version, stage, ms) => {
      stages.observe({ model: name, version, stage }, ms / 1000);
    },
    execution: (name, version, batchRows, paddedRows) => {
      const labels = { model: name, version };
      rows.inc(labels, batchRows);
      executions.inc(labels);
      padding.inc(labels, paddedRows - batchRows);
      batchSize.observe(labels, batchRows);
    },
    lost: (name, version, { cause, signal = '', exitCode }) => {
      const exit_code = exitCode === undefined ? '' : String(exitCode);
      restarts.inc({ model: name, version, cause, signal, exit_code });
    },
    split: (name, version) => {
      splits.inc({ model: name, version });
    },
    loaded: (name, version, reason, seconds) => {
      loads.inc({ model: name, version, reason });
      loadTimes.observe({ model: name, version }, seconds);
    },
    evicted: (name, version, reason) => {
      evictions.inc({ model: name, version, reason });
    },
    onScrape: (reader) => {
      read = reader;
    },
    onServerScrape: (reader) => {
      readServer = reader;
    },
    close: () => {
      endProcessMetrics();
      registry.clear();
    },
  };
}
