import { Router, type Request, type RequestHandler, type Response } from 'express';

import { ServingError } from '../../kernel/errors';
import { isByteStrings, type Tensor } from '../../kernel/tensor';
import { inSlices } from '../../kernel/time-slices';
import type { TensorUseCase } from '../../inference/tensor-inference';
import type { ModelManager, ModelStatus } from '../../models/model-manager';
import type { Servable } from '../../models/servable';
import { chargeRows } from '../access/charge-rows';
import { guardModels, visibleModels } from '../access/key-guard';
import { TENSOR_WEIGHT, type BodyReader } from '../body/body-reader';
import { setTimingHeader } from '../image-response';
import { sendJsonText, wholeText, writePiece } from '../json-text';
import { byteElementPieces } from './byte-elements';
import { residentModel } from '../middleware/resident-model';
import { versionOf } from '../model-version';
import { clientSignal } from '../middleware/request-context';
import { route } from '../route';
import { inferBodyOf, JSON_LENGTH_HEADER } from './infer-body';
import { readInferRequest, type InferRequest } from './infer-request';
import { inferResponse, type InferResponse } from './infer-response';
import { inputTensors, type FloatRounding } from './input-tensors';
import { modelConfigurationBody } from './model-configuration';
import { modelMetadataBody } from './model-metadata';
import { modelStatisticsBody } from './model-statistics';
import { rawInput } from './raw-request';

export interface OipRoutesOptions {
  readonly manager: ModelManager;
  readonly tensors: TensorUseCase;
  readonly bodies: BodyReader;
  readonly draining: () => boolean;
  /** Of this server. */
  readonly version: string;
  /** Whether the model repository API is on this port. */
  readonly modelControl: boolean;
  /** Where floats are rounded to an input of a smaller type. */
  readonly roundFloat64: FloatRounding;
}

const US_PER_MS = 1000;
const EXTENSIONS = [
  'classification',
  'schedule_policy',
  'model_configuration',
  'binary_tensor_data',
  'parameters',
  'statistics',
] as const;

/** The Open Inference Protocol v2 with Triton's extensions: everything under /v2. */
export function oipRoutes(options: OipRoutesOptions): Router {
  const { manager, tensors, bodies, draining, modelControl, roundFloat64 } = options;
  const router = Router();
  guardModels(router);

  route(router, '/v2', {
    get: [
      (_request, response) => {
        const extensions = [...EXTENSIONS, ...(modelControl ? ['model_repository'] : [])];
        response.json({ name: 'tfjs-serving', version: options.version, extensions });
      },
    ],
  });
  // Before the models: `stats` would be taken for one.
  route(router, '/v2/models/stats', {
    get: [
      (request, response) => {
        response.json(modelStatisticsBody(visibleModels(request, manager.list()).flatMap(loaded)));
      },
    ],
  });

  const infer: RequestHandler = async (request, response) => {
    const signal = clientSignal(response);
    const model = String(request.params.name);
    const version = versionOf(request);
    // Everything is judged that can be before the body is read.
    tensors.admit(model, version);
    bodies.requireRoom(request);
    const body = await bodies.bytes(request, response, { weight: TENSOR_WEIGHT });
    const { json, binary } = inferBodyOf(request, body);
    const parsed = json === undefined ? undefined : await readInferRequest(json, signal);
    const timeout = parsed?.parameters?.timeout ?? 0;
    const wanted = parsed?.outputs?.length === 0 ? undefined : parsed?.outputs;
    const answer = await tensors.infer({
      model,
      version,
      inputs: (target) =>
        chargeRows(
          request,
          response,
          target,
          parsed === undefined
            ? inSlices(rawInput({ target, roundFloat64 }, binary), signal).then((input) => [input])
            : inSlices(inputTensors({ target, roundFloat64 }, parsed.inputs, binary), signal),
        ),
      outputs: () => wanted?.map(({ name }) => name),
      signature: parsed?.parameters?.signature_name,
      timeoutMs: timeout === 0 ? undefined : timeout / US_PER_MS,
      signal,
    });
    setTimingHeader(response, answer.timings);
    const form = {
      id: parsed?.id,
      outputs: wanted,
      binary: wantsBinary(parsed),
    };
    const written = await inSlices(inferResponse(answer, form), signal);
    await sendInferResponse(response, written, signal);
  };
  const ready: RequestHandler = (request, response) => {
    const { name, servables } = known(manager, request);
    const isReady =
      servables.some(({ ready: loaded, dormant }) => loaded || dormant) && !draining();
    response.status(isReady ? 200 : 503).json({ name, ready: isReady });
  };
  const ofServable =
    (body: (status: ModelStatus, servable: Servable) => object): RequestHandler =>
    (request, response) => {
      const name = String(request.params.name);
      const { servable, release } = manager.acquire(name, versionOf(request));
      try {
        response.json(body(manager.get(name), servable));
      } finally {
        release();
      }
    };
  const stats: RequestHandler = (request, response) => {
    response.json(modelStatisticsBody(loaded(known(manager, request))));
  };

  const resident = residentModel(manager, versionOf);
  for (const model of ['/v2/models/:name', '/v2/models/:name/versions/:version']) {
    route(router, `${model}/ready`, { get: [ready] });
    route(router, `${model}/config`, { get: [resident, ofServable(modelConfigurationBody)] });
    route(router, `${model}/stats`, { get: [stats] });
    route(router, `${model}/infer`, { post: [resident, infer] });
    route(router, model, { get: [resident, ofServable(modelMetadataBody)] });
  }
  router.use('/v2', (request) => {
    throw new ServingError('ROUTE_NOT_FOUND', `There is nothing at ${request.originalUrl}`);
  });
  return router;
}

/** A raw binary request is answered in kind. */
function wantsBinary(request: InferRequest | undefined): boolean {
  return request === undefined || (request.parameters?.binary_data_output ?? false);
}

/** JSON alone, or JSON and behind it the tensors, sent without putting them together first. */
async function sendInferResponse(
  response: Response,
  { json, binary }: InferResponse,
  signal: AbortSignal,
): Promise<void> {
  if (binary.length === 0) {
    await sendJsonText(response, json, signal);
    return;
  }
  const head = Buffer.from(await wholeText(json, signal));
  response.set({
    'Content-Type': 'application/octet-stream',
    'Content-Length': String(binary.reduce((sum, { bytes }) => sum + bytes, head.length)),
    [JSON_LENGTH_HEADER]: String(head.length),
  });
  response.write(head);
  for (const { tensor } of binary) {
    for (const piece of wirePieces(tensor)) await writePiece(response, piece, signal);
  }
  response.end();
}

function wirePieces({ data }: Tensor): Iterable<Uint8Array> {
  return isByteStrings(data)
    ? byteElementPieces(data)
    : [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

/**
 * The model of the address, with the version of the address alone when it names one.
 * @throws ServingError MODEL_NOT_FOUND, VERSION_NOT_FOUND
 */
function known(manager: ModelManager, request: Request): ModelStatus {
  const status = manager.get(String(request.params.name));
  const version = versionOf(request);
  if (version === undefined) return status;
  const servables = status.servables.filter((servable) => servable.version === version);
  if (servables.length > 0) return { ...status, servables };
  throw new ServingError('VERSION_NOT_FOUND', `Model ${status.name} has no version ${version}`);
}

function loaded({ servables }: ModelStatus): Servable[] {
  return servables.filter(({ state }) => state === 'AVAILABLE');
}
