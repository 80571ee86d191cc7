import { z } from 'zod';

import { inferRequestSchema } from '../../oip/infer-request';
import {
  inferResponseSchema,
  modelConfigurationSchema,
  modelMetadataSchema,
  modelReadySchema,
  serverMetadataSchema,
  statisticsSchema,
} from '../../schemas/oip';
import { plainErrors } from '../errors';
import { IMAGE_ERRORS, RUN_ERRORS } from '../inference-errors';
import {
  answer,
  BINARY,
  nameParameter,
  versionParameter,
  type Operation,
  type RequestBody,
} from '../operation';

const TAGS = ['Open Inference Protocol'];
const NOT_FOUND = ['BAD_REQUEST', 'MODEL_NOT_FOUND', 'VERSION_NOT_FOUND'] as const;
const NOT_THERE = [...NOT_FOUND, 'MODEL_NOT_READY', 'DRAINING'] as const;

const BODY: RequestBody = {
  required: true,
  description:
    'JSON, whatever its Content-Type says. With the header, JSON of so many bytes and then the binary tensors; a header of 0 and the one input of the model, for an image model an image file',
  content: {
    'application/json': {
      schema: inferRequestSchema,
      examples: {
        tensor: {
          value: {
            id: 'a-1',
            inputs: [{ name: 'x', shape: [3], datatype: 'FP32', data: [1, 2, 5] }],
          },
        },
        classification: {
          value: {
            inputs: [{ name: 'images', shape: [1], datatype: 'BYTES', data: ['…'] }],
            outputs: [{ name: 'logits', parameters: { classification: 3 } }],
          },
        },
      },
    },
    'application/octet-stream': { schema: BINARY },
  },
};

const INFERRED = answer(
  'The outputs; those asked for in binary form follow the JSON',
  {
    'application/json': {
      schema: inferResponseSchema,
      example: {
        id: 'a-1',
        model_name: 'half_plus_two',
        model_version: '1',
        outputs: [{ name: 'y', datatype: 'FP32', shape: [3], data: [2.5, 3, 4.5] }],
      },
    },
    'application/octet-stream': { schema: BINARY },
  },
  ['Server-Timing', 'Inference-Header-Content-Length'],
);

/** Header of the binary tensor data extension. */
const binaryHeader = z.object({
  'Inference-Header-Content-Length': z.string().optional().meta({
    type: 'integer',
    minimum: 0,
    description: 'Bytes of JSON in front of binary tensors; 0: the body is one tensor',
  }),
});

const json = (schema: z.ZodType, example?: unknown) => ({
  'application/json': { schema, ...(example === undefined ? {} : { example }) },
});

const MODELS = [
  { prefix: '/v2/models/{name}', params: z.object({ name: nameParameter }), suffix: '' },
  {
    prefix: '/v2/models/{name}/versions/{version}',
    params: z.object({ name: nameParameter, version: versionParameter }),
    suffix: 'OfVersion',
  },
] as const;

function ofModel({ prefix, params, suffix }: (typeof MODELS)[number]): Operation[] {
  const get = (
    path: string,
    name: string,
    [summary, description]: readonly [string, string],
    responses: Operation['responses'],
  ): Operation => ({
    method: 'get',
    path: prefix + path,
    operationId: name + suffix,
    tags: TAGS,
    summary,
    description,
    request: { params },
    responses,
  });
  return [
    {
      method: 'post',
      path: `${prefix}/infer`,
      operationId: `infer${suffix}`,
      tags: TAGS,
      summary: 'Runs tensors, or images, through a model',
      description:
        'The parameter `signature_name` chooses another signature than the one of the metadata. null is taken for whatever may be left out.',
      request: { params, headers: binaryHeader, body: BODY },
      responses: { 200: INFERRED, ...plainErrors(...RUN_ERRORS, ...IMAGE_ERRORS) },
    },
    get(
      '',
      'modelMetadata',
      ['Inputs and outputs of a model', 'Of the signature that model.json names; -1: any size.'],
      {
        200: answer(
          'The model',
          json(modelMetadataSchema, {
            name: 'half_plus_two',
            versions: ['1'],
            platform: 'tensorflow_savedmodel',
            inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }],
            outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }],
          }),
        ),
        ...plainErrors(...NOT_THERE),
      },
    ),
    get(
      '/ready',
      'modelReady',
      ['Whether a model can take requests', 'At least one of its instances works.'],
      {
        200: answer('It can', json(modelReadySchema, { name: 'half_plus_two', ready: true })),
        ...plainErrors(...NOT_FOUND),
        503: answer('It cannot', json(modelReadySchema, { name: 'half_plus_two', ready: false })),
      },
    ),
    get(
      '/config',
      'modelConfiguration',
      [
        "Settings in the words of Triton's configuration",
        'Shapes are without the batch dimension where `max_batch_size` is above 0.',
      ],
      {
        200: answer('The settings', json(modelConfigurationSchema)),
        ...plainErrors(...NOT_THERE),
      },
    ),
    get(
      '/stats',
      'modelStatistics',
      [
        'What a model has done, and how long it took',
        'Since the version was loaded; times are nanoseconds.',
      ],
      {
        200: answer('The statistics', json(statisticsSchema)),
        ...plainErrors(...NOT_FOUND),
      },
    ),
  ];
}

/** The Open Inference Protocol v2 with Triton's extensions. */
export const oipOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v2',
    operationId: 'serverMetadata',
    tags: TAGS,
    summary: 'The server and the extensions it speaks',
    description: 'Extensions are named as Triton names them.',
    responses: {
      200: answer(
        'The server',
        json(serverMetadataSchema, {
          name: 'tfjs-serving',
          version: '0.1.0',
          extensions: ['binary_tensor_data', 'classification', 'statistics'],
        }),
      ),
      ...plainErrors(),
    },
  },
  {
    method: 'get',
    path: '/v2/models/stats',
    operationId: 'statistics',
    tags: TAGS,
    summary: 'What every model has done, and how long it took',
    description: 'Since each version was loaded; times are nanoseconds.',
    responses: {
      200: answer('The statistics', json(statisticsSchema)),
      ...plainErrors(),
    },
  },
  ...MODELS.flatMap(ofModel),
];
