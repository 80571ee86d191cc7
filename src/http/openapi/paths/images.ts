import { z } from 'zod';

import type { ErrorCode } from '../../../kernel/errors';
import { IMAGE_MEDIA_TYPES } from '../../../imaging/encode';
import {
  classificationsSchema,
  classifyQuerySchema,
  generatedSchema,
  generateQuerySchema,
  imageFormSchema,
  imageJsonSchema,
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
  'NOT_ACCEPTABLE',
  'WRONG_TASK',
  'TOO_MANY_IMAGES',
];

const BODY: RequestBody = {
  required: true,
  description: 'Images as a form, as the file itself, or as JSON (`application/json`)',
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

const TIMINGS = { preprocessMs: 10.19, queueMs: 0.49, inferMs: 10.03, postprocessMs: 0.4 };

const CLASSIFIED = answer(
  'One result for each image, in the order sent',
  {
    'application/json': {
      schema: classificationsSchema,
      examples: {
        coffee: {
          value: {
            model: 'efficientnet-lite0',
            version: 1,
            results: [
              {
                predictions: [
                  { label: 'espresso', index: 967, score: 0.9547621087503385 },
                  { label: 'cup', index: 968, score: 0.012957851100385994 },
                ],
              },
            ],
            timings: TIMINGS,
          },
        },
      },
    },
  },
  ['Server-Timing'],
);

const GENERATED = answer(
  'The picture; for several images, or where `Accept` asks for it, JSON or one part for each',
  {
    ...Object.fromEntries(
      Object.values(IMAGE_MEDIA_TYPES).map((type) => [type, { schema: BINARY }]),
    ),
    'application/json': {
      schema: generatedSchema,
      examples: {
        webp: {
          value: {
            model: 'esrgan-slim-x2',
            version: 1,
            results: [
              {
                image: {
                  b64: EXAMPLE_IMAGE,
                  mediaType: 'image/webp',
                  width: 16,
                  height: 16,
                },
              },
            ],
            timings: TIMINGS,
          },
        },
      },
    },
    'multipart/mixed': { schema: BINARY },
  },
  ['Server-Timing', 'X-Model-Version'],
);

const UPSCALER = nameParameter.meta({
  description: 'Name of the model',
  example: 'esrgan-slim-x2',
});
const ADDRESSES = [
  { prefix: '/models/{name}', versioned: {}, suffix: '', of: 'the newest version available' },
  {
    prefix: '/models/{name}/versions/{version}',
    versioned: { version: versionParameter },
    suffix: 'Version',
    of: 'one version',
  },
] as const;

export const imageOperations: readonly Operation[] = ADDRESSES.flatMap(
  ({ prefix, versioned, suffix, of }): Operation[] => [
    {
      method: 'post',
      path: `${prefix}/classify`,
      operationId: `classify${suffix}`,
      tags: ['Images'],
      summary: `Labels for each image, by ${of}`,
      description:
        'An image that cannot be answered has its error in its place; a request of one such image fails as a whole.',
      request: {
        params: z.object({ name: nameParameter, ...versioned }),
        query: classifyQuerySchema,
        body: BODY,
      },
      responses: { 200: CLASSIFIED, ...problems(...ERRORS) },
    },
    {
      method: 'post',
      path: `${prefix}/generate`,
      operationId: `generate${suffix}`,
      tags: ['Images'],
      summary: `A picture for each image, by ${of}`,
      description:
        'The format is that of the query, else that of `Accept`, else PNG. An image that cannot be answered has its error in its place; a request of one such image fails as a whole.',
      request: {
        params: z.object({ name: UPSCALER, ...versioned }),
        query: generateQuerySchema,
        body: BODY,
      },
      responses: { 200: GENERATED, ...problems(...ERRORS) },
    },
  ],
);
