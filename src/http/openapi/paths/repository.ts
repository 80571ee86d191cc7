import { z } from 'zod';

import { controlRequestSchema, indexRequestSchema } from '../../oip/repository-routes';
import { repositoryIndexSchema } from '../../schemas/oip';
import { plainErrors } from '../errors';
import { answer, nameParameter, type Operation } from '../operation';

export const REPOSITORY_TAG = 'Model repository';

/** Name of the security scheme of the document. */
export const ADMIN_TOKEN = 'adminToken';

/** Wanted where the server has one. */
const ADMIN_SECURITY: NonNullable<Operation['security']> = [{}, { [ADMIN_TOKEN]: [] }];

const params = z.object({ name: nameParameter });

/** Triton's model repository extension. */
export const repositoryOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/v2/repository/index',
    operationId: 'repositoryIndex',
    tags: [REPOSITORY_TAG],
    summary: 'Every version of every model, loaded or not',
    description:
      'With `modelControl` explicit, folders that were added after the start are listed too.',
    security: ADMIN_SECURITY,
    request: {
      body: {
        description: 'May be left out',
        content: {
          'application/json': { schema: indexRequestSchema, example: { ready: true } },
        },
      },
    },
    responses: {
      200: answer('The models', {
        'application/json': {
          schema: repositoryIndexSchema,
          example: [
            { name: 'efficientnet-lite0', version: '1', state: 'READY', reason: '' },
            { name: 'span-x2', state: 'UNAVAILABLE', reason: 'not loaded' },
          ],
        },
      }),
      ...plainErrors(
        'BAD_REQUEST',
        'UNAUTHENTICATED',
        'FORBIDDEN',
        'PAYLOAD_TOO_LARGE',
        'UNSUPPORTED_MEDIA_TYPE',
        'REQUEST_TIMEOUT',
        'OVERLOADED',
      ),
    },
  },
  ...(['load', 'unload'] as const).map((action): Operation => ({
    method: 'post',
    path: `/v2/repository/models/{name}/${action}`,
    operationId: `${action}Model`,
    tags: [REPOSITORY_TAG],
    summary: `${action === 'load' ? 'Loads a model, or loads it again' : 'Unloads a model'}; with modelControl explicit`,
    description:
      action === 'load'
        ? 'Answers when the model is served. It comes from its folder as model.json says: `config` and `file:` overrides are refused.'
        : 'Answers when its last request has ended.',
    security: ADMIN_SECURITY,
    request: {
      params,
      body: {
        description: 'May be left out',
        content: { 'application/json': { schema: controlRequestSchema, example: {} } },
      },
    },
    responses: {
      200: answer('It is done'),
      ...plainErrors(
        'BAD_REQUEST',
        'MODEL_LOAD_FAILED',
        'UNAUTHENTICATED',
        'FORBIDDEN',
        'MODEL_CONTROL_NOT_ALLOWED',
        'MODEL_NOT_FOUND',
        'PAYLOAD_TOO_LARGE',
        'REQUEST_TIMEOUT',
        'OVERLOADED',
        'UNSUPPORTED_MEDIA_TYPE',
        'DRAINING',
      ),
    },
  })),
];
