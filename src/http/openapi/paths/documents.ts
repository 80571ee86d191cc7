import { z } from 'zod';

import { problems } from '../errors';
import { answer, BINARY, type Operation } from '../operation';

export const DOCUMENTS_TAG = 'Documents';

const PAGE = { 'text/html': { schema: { type: 'string' as const } } };

export const documentOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/openapi.json',
    operationId: 'openApi',
    tags: [DOCUMENTS_TAG],
    summary: 'This document',
    description: 'Every address of this port, for programs that make clients or pages of it.',
    responses: {
      200: answer('OpenAPI 3.1', { 'application/json': { schema: { type: 'object' } } }),
      ...problems(),
    },
  },
];

/** What there is where the option `page` is on. */
export const pageOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/',
    operationId: 'page',
    tags: [DOCUMENTS_TAG],
    summary: 'A page that tries the models',
    description:
      'Photos go in, and what a model says of them is shown. The page asks no other host.',
    responses: { 200: answer('The page', PAGE), ...problems() },
  },
  {
    method: 'get',
    path: '/docs',
    operationId: 'docs',
    tags: [DOCUMENTS_TAG],
    summary: 'This document as a page that can send requests',
    description: 'With the models that there are to choose from. The page asks no other host.',
    responses: { 200: answer('The page', PAGE), ...problems() },
  },
  {
    method: 'get',
    path: '/assets/{hash}/{folder}/{file}',
    operationId: 'asset',
    tags: [DOCUMENTS_TAG],
    summary: 'What the pages are made of',
    description:
      'Style, scripts and sample pictures. The address holds a hash of them all: what is there never changes.',
    request: {
      params: z.object({
        hash: z.string().regex(/^[0-9a-f]{16}$/),
        folder: z.string(),
        file: z.string(),
      }),
    },
    responses: {
      200: answer('The file', {
        'text/css': { schema: { type: 'string' } },
        'text/javascript': { schema: { type: 'string' } },
        'image/jpeg': { schema: BINARY },
      }),
      ...problems('BAD_REQUEST', 'ROUTE_NOT_FOUND'),
    },
  },
];
