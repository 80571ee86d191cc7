import type { ResponseConfig, RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { wholeNumber } from '../../kernel/whole-number';
import { HEADERS, type HeaderName } from './headers';

/** One method of one address, as the document has it. */
export type Operation = RouteConfig;

export type RequestBody = NonNullable<NonNullable<Operation['request']>['body']>;

type Content = NonNullable<ResponseConfig['content']>;

/** An answer with its headers; every answer has X-Request-Id. */
export function answer(
  description: string,
  content?: Content,
  headers: readonly HeaderName[] = [],
): ResponseConfig {
  return {
    description,
    headers: Object.fromEntries(
      (['X-Request-Id', 'traceparent', ...headers] as const).map((name) => [name, HEADERS[name]]),
    ),
    ...(content === undefined ? {} : { content }),
  };
}

/** Bytes that are no JSON. */
export const BINARY = { type: 'string', format: 'binary' } as const;

export const nameParameter = z
  .string()
  .min(1)
  .meta({ description: 'Name of the model', example: 'efficientnet-lite0' });

export const versionParameter = wholeNumber(0, 999_999_999_999_999).meta({
  description: 'Version of the model',
  example: 1,
});
