import type { ResponseConfig } from '@asteasolutions/zod-to-openapi';

import type { ErrorCode } from '../../kernel/errors';
import { plainErrors, problems } from './errors';
import { HEADERS } from './headers';
import type { Operation } from './operation';
import { DOCUMENTS_TAG } from './paths/documents';
import { ADMIN_TOKEN, REPOSITORY_TAG } from './paths/repository';

const METRICS = ['/metrics', '/monitoring/prometheus/metrics'];

/** How a key is shown. */
export const KEY_SCHEMES = [
  ['apiKey', { type: 'http', scheme: 'bearer', description: 'An API key of this server' }],
  [
    'apiKeyHeader',
    { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'The same in another header' },
  ],
] as const;

const BY_KEY = KEY_SCHEMES.map(([name]) => ({ [name]: [] }));
const STATUSES = ['401', '403', '429'];
const REFUSALS: readonly ErrorCode[] = ['UNAUTHENTICATED', 'FORBIDDEN', 'RATE_LIMITED'];

/** An operation as it is where there are API keys: what has to be shown, and how it may be refused. */
export function withKeys(operation: Operation, metricsAccess: 'key' | 'open'): Operation {
  const { path, tags = [], responses } = operation;
  const isOpen =
    path.startsWith('/v2/health/') ||
    tags.includes(DOCUMENTS_TAG) ||
    (METRICS.includes(path) && metricsAccess === 'open');
  if (isOpen) return operation;
  const isAdmin = tags.includes(REPOSITORY_TAG);
  const isProtocol = /^\/v[12](\/|$)/.test(path);
  return {
    ...operation,
    security: isAdmin ? [{ [ADMIN_TOKEN]: [] }, ...BY_KEY] : BY_KEY,
    responses: merged(responses, (isProtocol ? plainErrors : problems)(...REFUSALS)),
  };
}

/** The refusals of keys beside other errors of the same status. */
function merged(
  responses: Operation['responses'],
  refusals: Readonly<Record<string, ResponseConfig>>,
): Operation['responses'] {
  const all: Operation['responses'] = { ...responses };
  for (const [status, refusal] of Object.entries(refusals)) {
    if (!STATUSES.includes(status)) continue;
    const before = notReference(all[status]);
    const rates = status === '429' ? (['RateLimit-Policy', 'RateLimit'] as const) : [];
    all[status] = {
      ...refusal,
      headers: {
        ...(before?.headers as Headers | undefined),
        ...(refusal.headers as Headers | undefined),
        ...Object.fromEntries(rates.map((name) => [name, HEADERS[name]])),
      },
      description: [...new Set([before?.description, refusal.description])]
        .filter((text) => text !== undefined)
        .join('\n\n'),
      content: mergedContent(before?.content, refusal.content),
    };
  }
  return all;
}

type Headers = Readonly<Record<string, { $ref: string }>>;
type Content = ResponseConfig['content'];

/** The same schema, with the examples of both. */
function mergedContent(before: Content = {}, refusal: Content = {}): NonNullable<Content> {
  const entries = Object.entries(refusal).map(([type, given]) => {
    const media = notReference(given);
    const examples = { ...notReference(before[type])?.examples, ...media?.examples };
    return [type, Object.keys(examples).length > 0 ? { ...media, examples } : media];
  });
  return Object.fromEntries(entries) as NonNullable<Content>;
}

/** Answers and contents are written out in this document: there are no references. */
function notReference<T extends object>(
  given: T | undefined,
): Exclude<T, { $ref: string }> | undefined {
  return given === undefined || '$ref' in given
    ? undefined
    : (given as Exclude<T, { $ref: string }>);
}
