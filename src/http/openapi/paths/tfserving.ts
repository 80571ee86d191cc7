import { z } from 'zod';

import {
  classifyResponseSchema,
  examplesRequestSchema,
  modelMetadataSchema,
  modelVersionStatusSchema,
  predictRequestSchema,
  predictResponseSchema,
  regressResponseSchema,
} from '../../schemas/tfserving';
import { plainErrors } from '../errors';
import { EXAMPLE_IMAGE } from '../example-image';
import { IMAGE_ERRORS, RUN_ERRORS } from '../inference-errors';
import { answer, nameParameter, versionParameter, type Operation } from '../operation';

const TAGS = ['TensorFlow Serving'];
const name = nameParameter;
const label = z
  .string()
  .min(1)
  .meta({ description: 'Label of `versionLabels` in model.json', example: 'stable' });

const MODELS = [
  { prefix: '/v1/models/{name}', params: { name }, suffix: '' },
  {
    prefix: '/v1/models/{name}/versions/{version}',
    params: { name, version: versionParameter },
    suffix: 'OfVersion',
  },
  { prefix: '/v1/models/{name}/labels/{label}', params: { name, label }, suffix: 'OfLabel' },
] as const;

interface Method {
  readonly summary: string;
  readonly description: string;
  readonly request: z.ZodType;
  readonly response: z.ZodType;
  readonly examples: Readonly<Record<string, { readonly value: unknown }>>;
  readonly answered: unknown;
}

const METHODS: Readonly<Record<'predict' | 'classify' | 'regress', Method>> = {
  predict: {
    summary: 'Runs tensors, or images, through a signature',
    description:
      'Rows (`instances`) or columns (`inputs`), answered as they were asked. `[n]` is taken for an input of `[?, 1]`, and the reverse; the answer has the form that was sent. A request of more rows than a batch may have is run in parts.',
    request: predictRequestSchema,
    response: predictResponseSchema,
    examples: {
      image: { value: { instances: [{ b64: EXAMPLE_IMAGE }] } },
      rows: { value: { instances: [1.0, 2.0, 5.0] } },
      columns: { value: { inputs: { x: [1.0, 2.0, 5.0] } } },
    },
    answered: { predictions: [2.5, 3.0, 4.5] },
  },
  classify: {
    summary: 'Labels and scores of examples',
    description:
      'For signatures that take serialised examples and answer `classes` or `scores`; their method is classify, or predict as TensorFlow 2 exports it.',
    request: examplesRequestSchema,
    response: classifyResponseSchema,
    examples: { examples: { value: { examples: [{ age: 31, name: 'Ada' }] } } },
    answered: {
      results: [
        [
          ['low', 0.2],
          ['high', 0.8],
        ],
      ],
    },
  },
  regress: {
    summary: 'A number for each example',
    description:
      'For signatures that take serialised examples and answer `outputs`; their method is regress, or predict as TensorFlow 2 exports it.',
    request: examplesRequestSchema,
    response: regressResponseSchema,
    examples: { examples: { value: { context: { age: 31 }, examples: [{ x: 1.5 }] } } },
    answered: { results: [2.5] },
  },
};

function modelOperations({ prefix, params, suffix }: (typeof MODELS)[number]): Operation[] {
  const runs = Object.entries(METHODS).map(
    ([method, { summary, description, request, response, examples, answered }]): Operation => ({
      method: 'post',
      path: `${prefix}:${method}`,
      operationId: `tfServing${method[0]?.toUpperCase() ?? ''}${method.slice(1)}${suffix}`,
      tags: TAGS,
      summary,
      description,
      request: {
        params: z.object(params),
        body: {
          required: true,
          description: 'JSON, whatever its Content-Type says',
          content: { 'application/json': { schema: request, examples } },
        },
      },
      responses: {
        200: answer('The answer', { 'application/json': { schema: response, example: answered } }, [
          'Server-Timing',
        ]),
        ...plainErrors(...RUN_ERRORS, ...IMAGE_ERRORS),
      },
    }),
  );
  return [
    ...runs,
    {
      method: 'get',
      path: prefix,
      operationId: `tfServingStatus${suffix}`,
      tags: TAGS,
      summary: 'States of the versions, the newest first',
      description: 'Versions that could not be loaded have the reason in `error_message`.',
      request: { params: z.object(params) },
      responses: {
        200: answer('The versions', {
          'application/json': {
            schema: modelVersionStatusSchema,
            example: {
              model_version_status: [
                {
                  version: '1',
                  state: 'AVAILABLE',
                  status: { error_code: 'OK', error_message: '' },
                },
              ],
            },
          },
        }),
        ...plainErrors('BAD_REQUEST', 'MODEL_NOT_FOUND', 'VERSION_NOT_FOUND'),
      },
    },
    {
      method: 'get',
      path: `${prefix}/metadata`,
      operationId: `tfServingMetadata${suffix}`,
      tags: TAGS,
      summary: 'Signatures',
      description:
        'Names, types and shapes of the inputs and outputs of every signature of the SavedModel.',
      request: { params: z.object(params) },
      responses: {
        200: answer('The signatures', { 'application/json': { schema: modelMetadataSchema } }),
        ...plainErrors(
          'BAD_REQUEST',
          'MODEL_NOT_FOUND',
          'VERSION_NOT_FOUND',
          'MODEL_NOT_READY',
          'DRAINING',
        ),
      },
    },
  ];
}

/** TensorFlow Serving's REST API. */
export const tfServingOperations: readonly Operation[] = MODELS.flatMap(modelOperations);
