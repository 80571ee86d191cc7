import { Router } from 'express';

import type { ModelManager, ModelStatus } from '../../models/model-manager';
import type { Optimization } from '../../rewriter/model-optimizer';
import type { Servable } from '../../models/servable';
import type { TensorSpec } from '../../kernel/tensor';
import { guardModels, visibleModels } from '../access/key-guard';
import { takesMore } from '../../tasks/inputs/request-values';
import { inputsBody } from '../model-inputs-body';
import type { ServedModel } from '../openapi/paths/served-models';
import { requestDescription } from '../request-description';
import { route } from '../route';
import type {
  ModelDetails,
  ModelSummary,
  ModelVersion,
  OptimizationBody,
  ServableDetails,
  SignatureBody,
} from '../schemas/models';

/** What is served, and with what settings: the repository as a client sees it. */
export function modelRoutes(manager: ModelManager): Router {
  const router = Router();
  guardModels(router);
  route(router, '/models', {
    get: [
      (request, response) => {
        response.json({ models: visibleModels(request, manager.list()).map(summary) });
      },
    ],
  });
  route(router, '/models/:name', {
    get: [
      (request, response) => {
        response.json(details(manager.get(String(request.params.name))));
      },
    ],
  });
  return router;
}

function summary(status: ModelStatus): ModelSummary {
  const newest = newestAvailable(status);
  return {
    name: status.name,
    ready: status.servables.some(({ ready }) => ready),
    task: newest?.spec.task,
    versions: status.servables.map((servable) => versionSummary(servable, status)),
    problems: status.problems,
  };
}

function details(status: ModelStatus): ModelDetails {
  const newest = newestAvailable(status);
  return {
    ...summary(status),
    configured: status.configured,
    ...(newest === undefined ? {} : { servable: servableDetails(newest) }),
  };
}

function newestAvailable({ servables }: ModelStatus): Servable | undefined {
  return servables.findLast(({ state }) => state === 'AVAILABLE');
}

/** Models that take more than one picture: their parameters are their own. */
export function modelsToDescribe(manager: Pick<ModelManager, 'list'>): ServedModel[] {
  return manager.list().flatMap((status) => {
    const spec = newestAvailable(status)?.spec;
    return spec?.imageTask === undefined || !takesMore(spec.inputs)
      ? []
      : [{ name: status.name, task: spec.imageTask, inputs: spec.inputs }];
  });
}

function versionSummary(servable: Servable, { retries }: ModelStatus): ModelVersion {
  const { version, state, reason, ready, onDemand } = servable;
  const retry = retries.get(version);
  return {
    version,
    state,
    ready,
    onDemand,
    reason,
    retry: retry === undefined ? undefined : { ...retry, at: new Date(retry.at).toISOString() },
  };
}

function servableDetails(servable: Servable): ServableDetails {
  const { spec, batcher, version, device, instances } = servable;
  return {
    version,
    device,
    instances,
    task: spec.task,
    request: requestDescription(spec),
    signature: spec.signatureName,
    signatures: signaturesBody(servable),
    input: spec.image,
    inputs: inputsBody(spec.inputs),
    output: { ...(spec.settings as object | undefined), ...spec.output },
    labels: spec.labels?.length,
    batching: {
      ...spec.batching,
      batchable: servable.rowsOf(spec.signatureName).independent,
      effectiveMaxBatchSize: batcher.batchLimit,
    },
    queue: { waiting: batcher.queueDepth, admitted: batcher.admission.admitted },
    warmup: spec.warmup,
    optimization: optimizationBody(servable.optimization),
    assumptions: spec.assumptions,
  };
}

/** Without the folder, which is the server's own business. */
function optimizationBody(optimization: Optimization | undefined): OptimizationBody | undefined {
  if (optimization?.state !== 'optimized') return optimization;
  const { state, cached, report } = optimization;
  return { state, cached, ...report };
}

function signaturesBody(servable: Servable): Record<string, SignatureBody> {
  const tensors = (specs: readonly TensorSpec[]): SignatureBody['inputs'] =>
    specs.map(({ name, dtype, tfDtype, shape }) => ({
      name,
      dtype: dtype ?? null,
      tensorflowType: tfDtype,
      shape: shape ?? null,
    }));
  return Object.fromEntries(
    Object.entries(servable.signatures).map(([name, { inputs, outputs, methodName }]) => [
      name,
      {
        inputs: tensors(inputs),
        outputs: tensors(outputs),
        method: methodName,
        rows: servable.rowsOf(name),
      },
    ]),
  );
}
