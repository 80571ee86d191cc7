import { Router, type Request, type RequestHandler } from 'express';
import type { z } from 'zod';

import { ServingError } from '../../kernel/errors';
import type { ImageRequest, ImageUseCase } from '../../inference/image-inference';
import { imagesOf, readImages, type ImageRequestLimits } from '../image-request';
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
  readonly limits: ImageRequestLimits;
  /** Taken before the body is read. */
  readonly admit: readonly RequestHandler[];
}

/** POST …/classify and …/generate, with and without a version. */
export function imageRoutes({ inference, limits, admit }: ImageRoutesOptions): Router {
  const router = Router();
  const read = readImages(limits);

  const classify: RequestHandler = async (request, response) => {
    requireJsonAccepted(request);
    const { top } = parseQuery(classifyQuerySchema, request);
    const answer = await inference.classify(imageRequest(request, response), top);
    failIfAlone(answer);
    setTimingHeader(response, answer.timings);
    response.json(resultsBody(answer, (predictions) => ({ predictions })));
  };

  const generate: RequestHandler = async (request, response) => {
    const { format, quality } = parseQuery(generateQuerySchema, request);
    const negotiated = negotiatePictures(request, imagesOf(request).length, format);
    const answer = await inference.generate(
      imageRequest(request, response),
      negotiated.format,
      quality,
    );
    failIfAlone(answer);
    setTimingHeader(response, answer.timings);
    sendPictures(response, answer, negotiated);
  };

  for (const prefix of ['/models/:name', '/models/:name/versions/:version']) {
    route(router, `${prefix}/classify`, { post: [...admit, read, classify] });
    route(router, `${prefix}/generate`, { post: [...admit, read, generate] });
  }
  return router;
}

function imageRequest(request: Request, response: Parameters<RequestHandler>[1]): ImageRequest {
  const version = versionOf(request);
  return {
    model: String(request.params.name),
    ...(version === undefined ? {} : { version }),
    images: imagesOf(request),
    signal: clientSignal(response),
  };
}

function parseQuery<T>(schema: z.ZodType<T>, request: Request): T {
  const parsed = schema.safeParse(request.query);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `?${issue.path.join('.')}= ${issue.message}`);
  throw new ServingError('BAD_REQUEST', problems.join('; '));
}
