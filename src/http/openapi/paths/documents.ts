import { z } from 'zod';

import { DOCS_ASSETS } from '../../docs-page';
import { problems } from '../errors';
import { answer, BINARY, type Operation } from '../operation';

export const DOCUMENTS_TAG = 'Documents';

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
  {
    method: 'get',
    path: '/docs',
    operationId: 'docs',
    tags: [DOCUMENTS_TAG],
    summary: 'This document as a page that can send requests',
    description: 'Swagger UI, which the server brings itself: the page asks no other host.',
    responses: {
      200: answer('The page', { 'text/html': { schema: { type: 'string' } } }),
      ...problems(),
    },
  },
  {
    method: 'get',
    path: '/docs/{asset}',
    operationId: 'docsAsset',
    tags: [DOCUMENTS_TAG],
    summary: 'What the page is made of',
    description: 'Style, scripts and icon of `/docs`.',
    request: {
      params: z.object({ asset: z.enum(Object.keys(DOCS_ASSETS) as [string, ...string[]]) }),
    },
    responses: {
      200: answer('The file', {
        'text/css': { schema: { type: 'string' } },
        'text/javascript': { schema: { type: 'string' } },
        'image/png': { schema: BINARY },
      }),
      ...problems('BAD_REQUEST', 'ROUTE_NOT_FOUND'),
    },
  },
];
