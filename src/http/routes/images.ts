import { Router, type Request, type RequestHandler, type Response } from 'express';
import type { z } from 'zod';

import { ServingError } from '../../kernel/errors';
import type { ImageRequest } from '../../inference/image-request';
import type { ImageUseCase } from '../../inference/image-inference';
import type { Task } from '../../models/model-config';
import type { BodyReader } from '../body/body-reader';
import { readImages } from '../image-request';
import {
  failIfAlone,
  negotiatePictures,
  requireJsonAccepted,
  resultsBody,
  sendPictures,
  setTimingHeader,
} from '../image-response';
import { clientSignal } from '../middleware/request-context';
import { versionOf } from '../model-version';
import { route } from '../route';
import { classifyQuerySchema, generateQuerySchema } from '../schemas/image-api';

export interface ImageRoutesOptions {
  readonly inference: ImageUseCase;
  readonly bodies: BodyReader;
}

/** POST (or PUT) …/classify and …/generate, with and without a version. */
export function imageRoutes({ inference, bodies }: ImageRoutesOptions): Router {
  const router = Router();

  /** Everything is judged that can be before the body is read. */
  const read = async (
    request: Request,
    response: Response,
    task: Task,
  ): Promise<ImageRequest & { readonly signal: AbortSignal }> => {
    const model = String(request.params.name);
    const version = versionOf(request);
    inference.admit(model, version, task);
    bodies.requireRoom(request);
    const signal = clientSignal(response);
    const images = await readImages(bodies, request, response, signal);
    return { model, version, images, signal };
  };

  const classify: RequestHandler = async (request, response) => {
    requireJsonAccepted(request);
    const { top } = parseQuery(classifyQuerySchema, request);
    const asked = await read(request, response, 'image-classification');
    const answer = await inference.classify(asked, top);
    failIfAlone(answer);
    setTimingHeader(response, answer.timings);
    response.json(resultsBody(answer, (predictions) => ({ predictions })));
  };

  const generate: RequestHandler = async (request, response) => {
    const { format, quality } = parseQuery(generateQuerySchema, request);
    const asked = await read(request, response, 'image-to-image');
    const negotiated = negotiatePictures(request, asked.images.length, format);
    const answer = await inference.generate(asked, negotiated.format, quality);
    failIfAlone(answer);
    setTimingHeader(response, answer.timings);
    await sendPictures(response, answer, negotiated, asked.signal);
  };

  for (const prefix of ['/models/:name', '/models/:name/versions/:version']) {
    route(router, `${prefix}/classify`, { post: [classify] }, { putAsPost: true });
    route(router, `${prefix}/generate`, { post: [generate] }, { putAsPost: true });
  }
  return router;
}

function parseQuery<T>(schema: z.ZodType<T>, request: Request): T {
  const parsed = schema.safeParse(request.query);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `?${issue.path.join('.')}= ${issue.message}`);
  throw new ServingError('BAD_REQUEST', problems.join('; '));
}
