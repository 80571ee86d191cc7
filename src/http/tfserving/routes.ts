import { Router, type Request, type RequestHandler, type Response } from 'express';

import { ServingError } from '../../kernel/errors';
import type { TensorAnswer, TensorRequest, TensorUseCase } from '../../inference/tensor-inference';
import type { ModelManager } from '../../models/model-manager';
import type { Logger } from '../../telemetry/logger';
import { bodyOf, readBody } from '../body';
import { setTimingHeader } from '../image-response';
import { plainErrorHandler } from '../middleware/error-handler';
import { clientSignal } from '../middleware/request-context';
import { exampleInputs, examplesOf } from './examples';
import { classifyResponse, regressResponse } from './example-response';
import { modelMetadataBody } from './model-metadata';
import { modelStatusBody, servablesAt } from './model-status';
import { predictBody, predictInputs } from './predict-request';
import { predictResponse } from './predict-response';
import { parseRequestObject, signatureNameOf } from './request-body';

export interface TfServingRoutesOptions {
  readonly manager: ModelManager;
  readonly tensors: TensorUseCase;
  readonly limits: { readonly maxBodyBytes: number };
  /** Taken before the body is read. */
  readonly admit: readonly RequestHandler[];
  readonly logger: Logger;
}

const MODEL_PATHS = [
  '/v1/models/:name',
  '/v1/models/:name/versions/:version',
  '/v1/models/:name/labels/:label',
] as const;

/** TensorFlow Serving's REST API: everything under /v1. */
export function tfServingRoutes(options: TfServingRoutesOptions): Router {
  const { manager, tensors, limits, admit, logger } = options;
  const router = Router();
  const read = readBody(limits.maxBodyBytes);

  const infer = async (
    request: Request,
    response: Response,
    rest: Pick<TensorRequest, 'inputs'> & { signature: string | undefined },
  ): Promise<TensorAnswer> => {
    const model = String(request.params.name);
    const version = versionOf(manager, request);
    const { signature, inputs } = rest;
    try {
      const answer = await tensors.infer({
        model,
        inputs,
        ...(version === undefined ? {} : { version }),
        ...(signature === undefined ? {} : { signature }),
        signal: clientSignal(response),
      });
      setTimingHeader(response, answer.timings);
      return answer;
    } catch (thrown) {
      throw namedServable(thrown, model, version);
    }
  };

  const predict: RequestHandler = async (request, response) => {
    const parsed = parseRequestObject(bodyOf(request));
    const body = predictBody(parsed);
    const { outputs } = await infer(request, response, {
      signature: signatureNameOf(parsed),
      inputs: (target) => predictInputs(target, body),
    });
    sendJson(response, predictResponse(outputs, body.format));
  };

  const fromExamples =
    (
      method: 'classify' | 'regress',
      write: (outputs: TensorAnswer['outputs'], examples: number) => string,
    ): RequestHandler =>
    async (request, response) => {
      const parsed = parseRequestObject(bodyOf(request), { integersAsBigInt: true });
      const examples = examplesOf(parsed);
      const { outputs } = await infer(request, response, {
        signature: signatureNameOf(parsed),
        inputs: (target) => exampleInputs(target, method, examples),
      });
      sendJson(response, write(outputs, examples.length));
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
    try {
      const { servable, release } = manager.acquire(name, version);
      response.json(modelMetadataBody(servable));
      release();
    } catch (thrown) {
      throw namedServable(thrown, name, version);
    }
  };

  for (const model of MODEL_PATHS) {
    router.post(`${model}\\:predict`, ...admit, read, predict);
    router.post(`${model}\\:classify`, ...admit, read, classify);
    router.post(`${model}\\:regress`, ...admit, read, regress);
    router.get(`${model}/metadata`, metadata);
    router.get(model, status);
  }
  router.get('/v1/models', () => {
    throw new ServingError('BAD_REQUEST', 'Missing model name in request.');
  });
  router.use('/v1', (request) => {
    throw malformed(request);
  });
  router.use('/v1', plainErrorHandler(logger));
  return router;
}

function malformed(request: Request, why = ''): ServingError {
  const address = request.originalUrl.replace(/\?.*/, '');
  return new ServingError('BAD_REQUEST', `Malformed request: ${request.method} ${address}${why}`);
}

/** JSON with the tokens NaN and Infinity in it, which no JSON writer makes. */
function sendJson(response: Response, text: string): void {
  response.type('application/json').send(text);
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
