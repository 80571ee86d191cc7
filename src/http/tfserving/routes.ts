import { Router, type Request, type RequestHandler, type Response } from 'express';

import { ServingError } from '../../kernel/errors';
import { inSlices } from '../../kernel/time-slices';
import type { TensorAnswer, TensorRequest } from '../../inference/tensor-request';
import type { TensorUseCase } from '../../inference/tensor-inference';
import type { ModelManager } from '../../models/model-manager';
import { chargeRows } from '../access/charge-rows';
import { chargeImages, guardModels } from '../access/key-guard';
import { TENSOR_WEIGHT, type BodyReader } from '../body/body-reader';
import { setTimingHeader } from '../image-response';
import { sendJsonText } from '../json-text';
import { residentModel } from '../middleware/resident-model';
import { clientSignal } from '../middleware/request-context';
import type { TextPieces } from '../tensors/tensor-text';
import { exampleInputs, exampleOutputs, type ExampleMethod } from './example-signature';
import { examplesOf } from './examples';
import { classifyResponse, regressResponse } from './example-response';
import { modelMetadataBody } from './model-metadata';
import { modelStatusBody, servablesAt } from './model-status';
import { predictBody, predictInputs } from './predict-request';
import { predictResponse } from './predict-response';
import { readRequestObject, signatureNameOf } from './request-body';

export interface TfServingRoutesOptions {
  readonly manager: ModelManager;
  readonly tensors: TensorUseCase;
  readonly bodies: BodyReader;
}

const MODEL_PATHS = [
  '/v1/models/:name',
  '/v1/models/:name/versions/:version',
  '/v1/models/:name/labels/:label',
] as const;

/** Read when the types of the inputs are known. */
const PREDICT_CAPTURES = { instances: true, inputs: true } as const;
const EXAMPLE_CAPTURES = { examples: true, context: true } as const;

/** TensorFlow Serving's REST API: everything under /v1. */
export function tfServingRoutes(options: TfServingRoutesOptions): Router {
  const { manager, tensors, bodies } = options;
  const router = Router();
  guardModels(router);

  /** Everything is judged that can be before the body is read. */
  const read = (request: Request, response: Response): Promise<Buffer> => {
    const model = String(request.params.name);
    const version = versionOf(manager, request);
    named(model, version, () => {
      tensors.admit(model, version);
    });
    bodies.requireRoom(request);
    return bodies.bytes(request, response, { weight: TENSOR_WEIGHT });
  };

  const infer = async (
    request: Request,
    response: Response,
    rest: Pick<TensorRequest, 'inputs' | 'outputs' | 'signature' | 'signal'>,
  ): Promise<TensorAnswer> => {
    const model = String(request.params.name);
    const version = versionOf(manager, request);
    try {
      const answer = await tensors.infer({ model, version, ...rest });
      setTimingHeader(response, answer.timings);
      return answer;
    } catch (thrown) {
      throw namedServable(thrown, model, version);
    }
  };

  const predict: RequestHandler = async (request, response) => {
    const signal = clientSignal(response);
    const parsed = await readRequestObject(await read(request, response), PREDICT_CAPTURES, signal);
    const body = predictBody(parsed);
    const { outputs } = await infer(request, response, {
      signal,
      signature: signatureNameOf(parsed),
      inputs: (target) =>
        chargeRows(request, response, target, inSlices(predictInputs(target, body), signal)),
    });
    await sendJsonText(response, predictResponse(outputs, body.format), signal);
  };

  const fromExamples =
    (
      method: ExampleMethod,
      write: (outputs: TensorAnswer['outputs'], examples: number) => TextPieces,
    ): RequestHandler =>
    async (request, response) => {
      const signal = clientSignal(response);
      const body = await read(request, response);
      const parsed = await readRequestObject(body, EXAMPLE_CAPTURES, signal);
      const examples = await inSlices(examplesOf(parsed, body.length), signal);
      const { outputs } = await infer(request, response, {
        signal,
        signature: signatureNameOf(parsed),
        outputs: (target) => exampleOutputs(target, method),
        inputs: (target) => {
          chargeImages(request, response, examples.length);
          return exampleInputs(target, method, examples);
        },
      });
      await sendJsonText(response, write(outputs, examples.length), signal);
    };
  const classify = fromExamples('classify', classifyResponse);
  const regress = fromExamples('regress', regressResponse);

  const status: RequestHandler = (request, response) => {
    // A method name that only POST knows.
    if (/:[^/]*$/.test(request.path)) throw malformed(request);
    const name = String(request.params.name);
    const version = versionOf(manager, request);
    const servables = servablesAt(known(manager, name), version);
    if (servables.length === 0) throw notFound(name, version);
    response.json(modelStatusBody(servables));
  };

  const metadata: RequestHandler = (request, response) => {
    const name = String(request.params.name);
    const version = versionOf(manager, request);
    const { servable, release } = named(name, version, () => manager.acquire(name, version));
    try {
      response.json(modelMetadataBody(servable));
    } finally {
      release();
    }
  };

  const resident = residentModel(manager, (request) => versionOf(manager, request));
  for (const model of MODEL_PATHS) {
    router.post(`${model}\\:predict`, resident, predict);
    router.post(`${model}\\:classify`, resident, classify);
    router.post(`${model}\\:regress`, resident, regress);
    router.get(`${model}/metadata`, resident, metadata);
    router.get(model, status);
  }
  router.use('/v1', (request) => {
    if (request.method === 'GET' && /^\/models\/?$/.test(request.path)) {
      throw new ServingError('BAD_REQUEST', 'Missing model name in request.');
    }
    throw malformed(request);
  });
  return router;
}

function malformed(request: Request, why = ''): ServingError {
  const address = request.originalUrl.replace(/\?.*/, '');
  return new ServingError('BAD_REQUEST', `Malformed request: ${request.method} ${address}${why}`);
}

/** @throws ServingError BAD_REQUEST for a label or a version that does not exist as such */
function versionOf(manager: ModelManager, request: Request): number | undefined {
  const { name, version, label } = request.params;
  if (version !== undefined) {
    if (/^\d{1,15}$/.test(String(version))) return Number(version);
    throw malformed(request, ': versions are whole numbers');
  }
  if (label === undefined) return undefined;
  const { versionLabels } = known(manager, String(name));
  const labelled = Object.hasOwn(versionLabels, String(label))
    ? versionLabels[String(label)]
    : undefined;
  if (labelled !== undefined) return labelled;
  const labels = Object.keys(versionLabels).join(', ');
  throw new ServingError(
    'BAD_REQUEST',
    `Unrecognized servable version label: ${String(label)}; model.json of ${String(name)} has ${labels === '' ? 'none' : labels}`,
  );
}

function known(manager: ModelManager, name: string): ReturnType<ModelManager['get']> {
  try {
    return manager.get(name);
  } catch (thrown) {
    if (thrown instanceof ServingError) throw notFound(name, undefined, thrown.message);
    throw thrown;
  }
}

function notFound(name: string, version: number | undefined, why?: string): ServingError {
  const what =
    version === undefined ? `any versions of model ${name}` : `version ${version} of model ${name}`;
  return new ServingError(
    version === undefined ? 'MODEL_NOT_FOUND' : 'VERSION_NOT_FOUND',
    `Could not find ${what}${why === undefined ? '' : `. ${why}`}`,
  );
}

function named<T>(name: string, version: number | undefined, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw namedServable(thrown, name, version);
  }
}

/** What TensorFlow Serving says of a model that is not there, and then what we know of it. */
function namedServable(thrown: unknown, name: string, version: number | undefined): unknown {
  const missing =
    thrown instanceof ServingError &&
    (thrown.code === 'MODEL_NOT_FOUND' || thrown.code === 'VERSION_NOT_FOUND');
  if (!missing) return thrown;
  const asked = version === undefined ? `Latest(${name})` : `Specific(${name}, ${version})`;
  return new ServingError(
    thrown.code,
    `Servable not found for request: ${asked}. ${thrown.message}`,
  );
}
