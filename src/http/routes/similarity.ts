import { Router, type RequestHandler } from 'express';

import { ServingError } from '../../kernel/errors';
import type { ImageUseCase } from '../../inference/image-inference';
import type { ImageAnswer, ImageResult } from '../../inference/image-request';
import { chargeImages, guardModels } from '../access/key-guard';
import type { BodyReader } from '../body/body-reader';
import { readImages } from '../image-request';
import { negotiate, roundedTimings, setTimingHeader } from '../image-response';
import { problemDetails } from '../middleware/problem-details';
import { clientSignal } from '../middleware/request-context';
import { versionOf } from '../model-version';
import { route } from '../route';

export interface SimilarityRoutesOptions {
  readonly inference: ImageUseCase;
  readonly bodies: BodyReader;
  /** See imageRoutes. */
  readonly resident?: RequestHandler | undefined;
}

/** POST …/similarity: how alike the first image of a request is to each of the others. */
export function similarityRoutes({ inference, bodies, resident }: SimilarityRoutesOptions): Router {
  const router = Router();
  guardModels(router);
  const answerPairs: RequestHandler = async (request, response) => {
    const model = String(request.params.name);
    const version = versionOf(request);
    const { task } = inference.admit(model, version, 'embed');
    negotiate(request, { images: 1, pictures: 'never', format: undefined });
    bodies.requireRoom(request);
    const signal = clientSignal(response);
    const images = await readImages(bodies, request, response, signal);
    chargeImages(request, response, images.length);
    if (images.length < 2) {
      throw new ServingError(
        'BAD_REQUEST',
        'The request holds one image; send two, or one and several that it is compared with',
      );
    }
    const asked = { model, version, images, signal };
    const answer = await inference.answer(asked, {
      task,
      parameters: { normalize: true, encoding: 'float' },
      wish: undefined,
    });
    setTimingHeader(response, answer.timings);
    response.json(similarityBody(answer));
  };
  for (const prefix of ['/models/:name', '/models/:name/versions/:version']) {
    const handlers = [...(resident === undefined ? [] : [resident]), answerPairs];
    route(router, `${prefix}/similarity`, { post: handlers, put: handlers });
  }
  return router;
}

/** @throws ServingError the fault of the first image: without it there is nothing to compare with */
function similarityBody({ model, version, results, timings }: ImageAnswer): object {
  const [first, ...others] = results;
  if (first === undefined) throw new RangeError('an answer has its results');
  if (!first.ok) throw first.error;
  const query = vectorOf(first);
  return {
    model,
    version,
    results: others.map((result) =>
      result.ok
        ? { similarity: cosine(query, vectorOf(result)) }
        : { error: problemDetails(result.error) },
    ),
    timings: roundedTimings(timings),
  };
}

function vectorOf({ value }: Extract<ImageResult, { ok: true }>): readonly number[] {
  return value.data.embedding as readonly number[];
}

/** Of two vectors of unit length: from -1 to 1, whatever rounding did to them. */
function cosine(a: readonly number[], b: readonly number[]): number {
  const product = a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
  return Math.min(1, Math.max(-1, product));
}
