import { z } from 'zod';

import type { ErrorCode } from '../../../kernel/errors';
import { IMAGE_MEDIA_TYPES } from '../../../imaging/encode';
import { ANY_VERB } from '../../../inference/require-task';
import type { AnyTask } from '../../../tasks/task';
import { TASKS } from '../../../tasks/tasks';
import {
  answerSchema,
  imageFormSchema,
  imageJsonSchema,
  parametersFormSchema,
  parametersJsonSchema,
  pictureQuerySchema,
  similaritiesSchema,
} from '../../schemas/image-api';
import { problems } from '../errors';
import { EXAMPLE_IMAGE } from '../example-image';
import { IMAGE_ERRORS, RUN_ERRORS } from '../inference-errors';
import {
  answer,
  BINARY,
  nameParameter,
  versionParameter,
  type Operation,
  type RequestBody,
} from '../operation';

const ERRORS: readonly ErrorCode[] = [
  ...RUN_ERRORS,
  ...IMAGE_ERRORS,
  'IMAGE_URL_NOT_ALLOWED',
  'IMAGE_URL_FAILED',
  'NOT_ACCEPTABLE',
  'WRONG_TASK',
  'TOO_MANY_IMAGES',
];

export const IMAGE_PROBLEMS = problems(...ERRORS);

const BODY: RequestBody = {
  required: true,
  description:
    'Images as a form, as the file itself, or as JSON. A body of another type, or without one, is accepted where its first bytes are those of an image or of JSON.',
  content: {
    'multipart/form-data': { schema: imageFormSchema },
    'image/*': { schema: BINARY },
    'application/octet-stream': { schema: BINARY },
    // Of application/json. With the word among the types, the Python client that openapi-generator
    // makes says that its forms are JSON.
    'application/*': {
      schema: imageJsonSchema,
      examples: {
        one: { value: { image: { b64: EXAMPLE_IMAGE } } },
        several: { value: { images: [{ b64: EXAMPLE_IMAGE }, { b64: EXAMPLE_IMAGE }] } },
      },
    },
  },
};

/** Of addresses where models answer that take no upload. */
const BODY_OR_PARAMETERS: RequestBody = {
  required: false,
  description: `${BODY.description ?? ''} Models that take other things than a picture have them as fields or members: \`inputs\` of GET /models/{name} lists them, and the part of this document that is about the model. What is not uploaded can be in the query; then no body is needed.`,
  content: {
    ...BODY.content,
    'multipart/form-data': { schema: z.union([imageFormSchema, parametersFormSchema]) },
    'application/*': {
      ...BODY.content['application/*'],
      schema: z.union([imageJsonSchema, parametersJsonSchema]),
    },
    'text/plain': { schema: z.string().describe('The text that a model of text-generation takes') },
  },
};

const PICTURE_CONTENT = {
  ...Object.fromEntries(Object.values(IMAGE_MEDIA_TYPES).map((type) => [type, { schema: BINARY }])),
  'multipart/mixed': { schema: BINARY },
};
const TIMINGS = { preprocessMs: 10.19, queueMs: 0.49, inferMs: 10.03, postprocessMs: 0.4 };
const PICTURE = { b64: EXAMPLE_IMAGE, mediaType: 'image/webp', width: 16, height: 16 };

/** Tasks that share an address. */
interface Verb {
  readonly verb: string;
  readonly tasks: readonly AnyTask[];
  readonly summary: string;
}

const ADDRESSES = [
  { prefix: '/models/{name}', versioned: {}, suffix: '', of: 'the newest version available' },
  {
    prefix: '/models/{name}/versions/{version}',
    versioned: { version: versionParameter },
    suffix: 'Version',
    of: 'one version',
  },
] as const;

const taskOperations: readonly Operation[] = verbsOf(TASKS).flatMap((verb) =>
  ADDRESSES.map(({ prefix, versioned, suffix, of }): Operation => {
    const { model } = exampleOf(verb);
    return {
      method: 'post',
      path: `${prefix}/${verb.verb}`,
      // Not a word that schemas of other protocols begin with.
      operationId: `${verb.verb === ANY_VERB ? 'answer' : verb.verb}${suffix}`,
      tags: ['Images'],
      summary: `${verb.summary}, by ${of}`,
      description:
        'An image that cannot be answered has its error in its place; a request of one such image fails as a whole. The format of pictures is that of the query, else that of `Accept`, else PNG.',
      request: {
        params: z.object({ name: nameParameter.meta({ example: model }), ...versioned }),
        query: queryOf(verb.tasks),
        body: verb.tasks.some(({ upload }) => upload === 'none') ? BODY_OR_PARAMETERS : BODY,
      },
      responses: { 200: answeredBy(verb.tasks), ...IMAGE_PROBLEMS },
    };
  }),
);

const similarityOperations: readonly Operation[] = ADDRESSES.map(
  ({ prefix, versioned, suffix, of }): Operation => ({
    method: 'post',
    path: `${prefix}/similarity`,
    operationId: `compare${suffix}`,
    tags: ['Images'],
    summary: `How alike the first image is to each of the others, by ${of}`,
    description:
      'For models that answer vectors (image-feature-extraction). A fault of the first image fails the request; any other image that cannot be answered has its error in its place.',
    request: {
      params: z.object({ name: nameParameter.meta({ example: 'my-encoder' }), ...versioned }),
      body: BODY,
    },
    responses: {
      200: answer(
        'One result for each image after the first',
        {
          'application/json': {
            schema: similaritiesSchema,
            examples: {
              two: {
                value: {
                  model: 'my-encoder',
                  version: 1,
                  results: [{ similarity: 0.914 }],
                  timings: TIMINGS,
                },
              },
            },
          },
        },
        ['Server-Timing'],
      ),
      ...problems(...ERRORS),
    },
  }),
);

const posted: readonly Operation[] = [...taskOperations, ...similarityOperations];

export const imageOperations: readonly Operation[] = [...posted, ...posted.map(byPut)];

/** PUT does what POST does: it is how `curl -T` and object stores send files. */
function byPut(operation: Operation): Operation {
  return {
    ...operation,
    method: 'put',
    operationId: `${operation.operationId ?? ''}ByPut`,
    summary: `As POST: ${operation.summary ?? ''}`,
  };
}

function verbsOf(tasks: readonly AnyTask[]): Verb[] {
  const verbs = [...new Set(tasks.map(({ verb }) => verb))].map((verb): Verb => {
    const own = tasks.filter((task) => task.verb === verb);
    return { verb, tasks: own, summary: own.map(({ summary }) => summary).join('; ') };
  });
  return [...verbs, { verb: ANY_VERB, tasks, summary: 'What the model does, whatever it is' }];
}

function exampleOf({ tasks: [first] }: Verb): AnyTask['example'] {
  if (first === undefined) throw new RangeError('an address has a task');
  return first.example;
}

/** What any of the tasks takes; which of it does is in the description of each. */
function queryOf(tasks: readonly AnyTask[]): z.ZodObject {
  const shapes = tasks.map(({ parameters }) => parameters.shape);
  const hasPictures = tasks.some(({ pictures }) => pictures !== 'never');
  return z.object(
    Object.assign({}, ...shapes, hasPictures ? pictureQuerySchema.shape : {}) as z.ZodRawShape,
  );
}

/** What models of some tasks answer. */
export function answeredBy(tasks: readonly AnyTask[]): ReturnType<typeof answer> {
  const [first, ...others] = tasks.map(answerSchema);
  if (first === undefined) throw new RangeError('an address has a task');
  const always = tasks.every(({ pictures }) => pictures === 'always');
  const hasPictures = tasks.some(({ pictures }) => pictures !== 'never');
  return answer(
    always
      ? 'The picture; for several images, or where `Accept` asks for it, JSON or one part for each'
      : `One result for each image, in the order sent${hasPictures ? '; a picture where it is asked for' : ''}`,
    {
      'application/json': {
        schema: others.length === 0 ? first : z.union([first, ...others]),
        examples: Object.fromEntries(
          tasks.map(({ name, pictures, example: { model, data } }) => [
            name,
            {
              value: {
                model,
                version: 1,
                results: [pictures === 'always' ? { ...data, image: PICTURE } : data],
                timings: TIMINGS,
              },
            },
          ]),
        ),
      },
      ...(hasPictures ? PICTURE_CONTENT : {}),
    },
    [
      'Server-Timing',
      ...(hasPictures ? (['X-Model-Version'] as const) : []),
      ...(tasks.some(({ upload }) => upload === 'none') ? (['X-Seed'] as const) : []),
    ],
  );
}
