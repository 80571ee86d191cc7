import { z } from 'zod';

import { modelDetailsSchema, modelListSchema } from '../../schemas/models';
import { problems } from '../errors';
import { answer, nameParameter, type Operation } from '../operation';

export const modelOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/models',
    operationId: 'listModels',
    tags: ['Models'],
    summary: 'Every model and its versions',
    description: 'Models that could not be loaded are among them, with the reason.',
    responses: {
      200: answer('The models', {
        'application/json': {
          schema: modelListSchema,
          example: {
            models: [
              {
                name: 'efficientnet-lite0',
                ready: true,
                task: 'image-classification',
                versions: [{ version: 1, state: 'AVAILABLE', ready: true, onDemand: false }],
                problems: [],
              },
            ],
          },
        },
      }),
      ...problems(),
    },
  },
  {
    method: 'get',
    path: '/models/{name}',
    operationId: 'getModel',
    tags: ['Models'],
    summary: 'One model: signatures and settings in effect',
    description:
      'What model.json says, what is assumed where it says nothing, and what became of it: batching, optimisation, instances.',
    request: { params: z.object({ name: nameParameter }) },
    responses: {
      200: answer('The model', { 'application/json': { schema: modelDetailsSchema } }),
      ...problems('BAD_REQUEST', 'MODEL_NOT_FOUND'),
    },
  },
];
