import type { ModelManager } from '../models/model-manager';
import type { Servable } from '../models/servable';
import type { ModelEvents } from '../models/model-manager-options';
import { isDropped } from '../rewriter/model-optimizer';
import type { Logger } from './logger';
import { LoadWatch } from './load-watch';
import type { Metrics, ServableGauges } from './metrics';
import type { Tracing } from './tracing/tracing';

/** What happens to models, as lines of the log, as metrics and in traces. */
export function modelEvents(logger: Logger, metrics: Metrics, tracing?: Tracing): ModelEvents {
  const loads = new LoadWatch((model, version, seconds) => {
    logger.info({ model, version, seconds }, 'still loading');
  });
  return {
    onState: (servable, retry) => {
      const { name, version, state, reason, device, onDemand, loadMs } = servable;
      const seconds = loads.reached(name, version, state);
      const facts = {
        ...{ model: name, version, state, device, seconds },
        ...(state === 'AVAILABLE' ? servedAs(servable) : {}),
      };
      if (state === 'AVAILABLE' && loadMs !== undefined) {
        metrics.loaded(name, version, onDemand ? 'request' : 'repository', loadMs / 1000);
      }
      const again = retry && { ...retry, at: new Date(retry.at).toISOString() };
      if (reason !== undefined)
        logger.error({ ...facts, reason, retry: again }, 'model not loaded');
      else logger.info(facts, 'model state');
    },
    onEvicted: ({ name, version }, reason) => {
      metrics.evicted(name, version, reason);
      logger.info({ model: name, version, reason }, 'model unloaded until it is asked for');
    },
    onProblem: (model, problems) => {
      logger.error({ model, problems }, 'model cannot be served');
    },
    servableEvents: (model, version) => ({
      tracer: tracing?.batches(model, version),
      onExecution: ({ rows, paddedRows }) => {
        metrics.execution(model, version, rows, paddedRows);
      },
      onSplit: (requests, reason) => {
        metrics.split(model, version);
        logger.warn({ model, version, requests, reason }, 'batch failed; trying its parts');
      },
      onLimitLowered: (limit, reason) => {
        logger.warn(
          { model, version, limit, reason },
          'out of memory: smaller batches from now on',
        );
      },
      onBatchingStopped: (signature, reason) => {
        logger.warn(
          { model, version, signature, reason },
          'requests for this signature run one by one from now on',
        );
      },
      onRowsExamined: (rows) => {
        for (const [signature, { independent, reason }] of rows) {
          if (independent) continue;
          logger.warn(
            { model, version, signature, reason },
            'requests for this signature run one by one: its rows belong together, or nothing shows that they do not',
          );
        }
      },
      onLost: (instance, end) => {
        metrics.lost(model, version, end);
        logger.error({ model, version, instance, ...end }, 'instance lost; starting another');
      },
      onOptimization: (optimization) => {
        const level = isDropped(optimization) ? 'warn' : 'info';
        logger[level]({ model, version, ...optimization }, 'optimization');
      },
      onRenewed: (instance, reason) => {
        logger.info({ model, version, instance, reason }, 'instance renewed');
      },
      onStartFailed: (instance, reason) => {
        logger.error({ model, version, instance, reason }, 'instance did not start');
      },
    }),
  };
}

/** What a version does, and where it is asked for. */
function servedAs({ name, spec }: Servable): { readonly task: string; readonly path: string } {
  const { task, imageTask } = spec;
  const model = encodeURIComponent(name);
  return {
    task,
    path:
      imageTask === undefined ? `/v2/models/${model}/infer` : `/models/${model}/${imageTask.verb}`,
  };
}

/** What /metrics shows of the models that are served. */
export function servableGauges(manager: ModelManager): ServableGauges[] {
  return manager.list().flatMap(({ name, servables }) =>
    servables
      .filter(({ state }) => state === 'AVAILABLE')
      .map(({ version, spec, batcher, instances }) => ({
        model: name,
        version,
        task: spec.task,
        queueDepth: batcher.queueDepth,
        admitted: batcher.admission.admitted,
        batchLimit: batcher.batchLimit,
        utilization: batcher.utilization,
        estimatedWaitMs: batcher.estimatedWaitMs,
        instancesReady: instances.ready,
        instances: instances.total,
        residentBytes: instances.residentBytes,
      })),
  );
}
