import { Router, type Request, type RequestHandler } from 'express';
import type { z } from 'zod';

import { ServingError } from '../../kernel/errors';
import type { ImageUseCase } from '../../inference/image-inference';
import { ANY_VERB } from '../../inference/require-task';
import type { AnyTask } from '../../tasks/task';
import { TASKS } from '../../tasks/tasks';
import type { BodyReader } from '../body/body-reader';
import { readImages } from '../image-request';
import { failIfAlone, negotiate, sendAnswer, setTimingHeader } from '../image-response';
import { clientSignal } from '../middleware/request-context';
import { versionOf } from '../model-version';
import { route } from '../route';
import { pictureQuerySchema } from '../schemas/image-api';

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

  /** Everything is judged that can be before the body is read. */
  const answerFor =
    (verb: string): RequestHandler =>
    async (request, response) => {
      const model = String(request.params.name);
      const version = versionOf(request);
      const task = inference.admit(model, version, verb);
      const parameters = parseQuery(task.parameters, request);
      const { format, quality } =
        task.pictures === 'never' ? {} : parseQuery(pictureQuerySchema, request);
      const pictures = whetherPictures(task, parameters);
      // One image is offered most: what is refused for it is refused for several.
      negotiate(request, { images: 1, pictures, format });
      bodies.requireRoom(request);
      const signal = clientSignal(response);
      const images = await readImages(bodies, request, response, signal);
      const negotiated = negotiate(request, { images: images.length, pictures, format });
      const wish =
        negotiated.format === undefined ? undefined : { format: negotiated.format, quality };
      const asked = { model, version, images, signal };
      const answer = await inference.answer(asked, { task, parameters, wish });
      failIfAlone(answer);
      setTimingHeader(response, answer.timings);
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

function whetherPictures(task: AnyTask, parameters: unknown): 'always' | 'if-asked' | 'never' {
  if (task.pictures !== 'on-request') return task.pictures;
  return task.wantsPicture?.(parameters as never) === true ? 'always' : 'if-asked';
}

function parseQuery<T>(schema: z.ZodType<T>, request: Request): T {
  const parsed = schema.safeParse(request.query);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `?${issue.path.join('.')}= ${issue.message}`);
  throw new ServingError('BAD_REQUEST', problems.join('; '));
}
