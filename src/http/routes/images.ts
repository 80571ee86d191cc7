import { Router, type Request, type RequestHandler, type Response } from 'express';

import { ServingError } from '../../kernel/errors';
import type { Admitted, ImageUseCase } from '../../inference/image-inference';
import { ANY_VERB } from '../../inference/require-task';
import { takesUpload } from '../../tasks/inputs/model-inputs';
import { takesMore } from '../../tasks/inputs/request-values';
import type { AnyTask } from '../../tasks/task';
import { TASKS } from '../../tasks/tasks';
import { chargeImages, guardModels } from '../access/key-guard';
import type { BodyLimits } from '../body/body-limits';
import type { BodyReader } from '../body/body-reader';
import { readImages } from '../image-request';
import {
  failIfAlone,
  negotiate,
  sendAnswer,
  setSeedHeader,
  setTimingHeader,
  type Offer,
} from '../image-response';
import { clientSignal } from '../middleware/request-context';
import { imagesIn, readContent } from '../model-request';
import { versionOf } from '../model-version';
import { modelParameters, taskParameters, type RequestParameters } from '../request-parameters';
import { route } from '../route';

export interface ImageRoutesOptions {
  readonly inference: ImageUseCase;
  readonly bodies: BodyReader;
  /** Makes sure that the model of a request is in memory. @default nothing is to be done */
  readonly resident?: RequestHandler | undefined;
  /** @default all there are */
  readonly tasks?: readonly AnyTask[];
}

/** POST (or PUT) …/{verb} of every task and …/predict, with and without a version. */
export function imageRoutes({
  inference,
  bodies,
  resident,
  tasks = TASKS,
}: ImageRoutesOptions): Router {
  const router = Router();
  guardModels(router);

  const readMore = async (
    { task, inputs }: Admitted,
    request: Request,
    response: Response,
    signal: AbortSignal,
  ) => {
    const { images, pictures, values } = await readContent(
      bodies,
      request,
      response,
      inputs,
      signal,
    );
    const said = modelParameters(task, inputs, request, values);
    if (takesUpload(inputs) && images.length === 0) {
      throw new ServingError(
        'BAD_REQUEST',
        `The request holds no image; send it as the field or member "${inputs.uploadRole}"`,
      );
    }
    return { content: { images, more: { values: said.values, pictures } }, said };
  };

  /** Everything is judged that can be before the body is read. */
  const answerFor =
    (verb: string): RequestHandler =>
    async (request, response) => {
      const model = String(request.params.name);
      const version = versionOf(request);
      const admitted = inference.admit(model, version, verb);
      const { task, inputs } = admitted;
      // One image in, one answer out: the way of almost every request.
      const isPlain = !takesMore(inputs);
      const asks = isPlain ? taskParameters(task, request) : modelParameters(task, inputs, request);
      // One image is offered most: what is refused for it is refused for several.
      negotiate(request, { images: 1, ...offerOf(task, asks) });
      bodies.requireRoom(request);
      const signal = clientSignal(response);
      const { content, said } = isPlain
        ? {
            content: {
              images: await readImages(bodies, request, response, signal),
              more: undefined,
            },
            said: asks,
          }
        : await readMore(admitted, request, response, signal);
      const { images, more } = content;
      // What it is fed besides is fetched and decoded too.
      chargeImages(request, response, Math.max(1, imagesIn(images, more?.pictures)));
      const count = countOf(task, said, images.length, bodies.limits);
      const negotiated = negotiate(request, { images: count, ...offerOf(task, said) });
      const wish =
        negotiated.format === undefined
          ? undefined
          : { format: negotiated.format, quality: said.quality };
      const asked = { model, version, images, more, signal };
      const answer = await inference.answer(asked, { task, parameters: said.parameters, wish });
      failIfAlone(answer);
      setTimingHeader(response, answer.timings);
      setSeedHeader(response, answer);
      await sendAnswer(response, answer, negotiated, signal);
    };

  const verbs = new Set([...tasks.map(({ verb }) => verb), ANY_VERB]);
  for (const prefix of ['/models/:name', '/models/:name/versions/:version']) {
    for (const verb of verbs) {
      const handlers = [...(resident === undefined ? [] : [resident]), answerFor(verb)];
      // `curl -T` and object stores send files so.
      route(router, `${prefix}/${verb}`, { post: handlers, put: handlers });
    }
  }
  return router;
}

function offerOf(
  task: AnyTask,
  { parameters, format }: RequestParameters,
): Pick<Offer, 'pictures' | 'format'> {
  if (task.pictures !== 'on-request') return { pictures: task.pictures, format };
  const wants = task.wantsPicture?.(parameters as never) === true;
  return { pictures: wants ? 'always' : 'if-asked', format };
}

/** Answers that a request asks for. @throws ServingError INVALID_INPUT */
function countOf(
  task: AnyTask,
  { parameters }: RequestParameters,
  images: number,
  { maxPictures = 16 }: BodyLimits,
): number {
  if (task.upload !== 'none') return images;
  const count = task.count?.(parameters as never) ?? 1;
  if (count <= maxPictures) return count;
  throw new ServingError(
    'INVALID_INPUT',
    `"n" is ${count}: allowed is a whole number from 1 to ${maxPictures}`,
  );
}
