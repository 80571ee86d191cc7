import type { ResponseConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { ERROR_CODES, ServingError, type ErrorCode } from '../../kernel/errors';
import { PROBLEM_MEDIA_TYPE, problemDetails } from '../middleware/problem-details';
import { problemSchema } from '../schemas/problem';
import type { HeaderName } from './headers';
import { answer } from './operation';

/** Any address may fail with these. */
const EVERYWHERE: readonly ErrorCode[] = ['BAD_REQUEST', 'INTERNAL'];

/** Before there is a request to speak of: without a body. */
const HEAD_TOO_LARGE: Readonly<Record<string, ResponseConfig>> = {
  431: answer('The address and the headers of the request have more than 16 KiB'),
};

const plainErrorSchema = z
  .object({ error: z.string().describe('What was wrong, and what is allowed') })
  .meta({ id: 'PlainError', description: 'How the model server protocols say what was wrong' });

/** Error answers of the image API: one for each status, naming its codes. */
export function problems(...codes: ErrorCode[]): Record<string, ResponseConfig> {
  return byStatus(codes, (list) => ({
    [PROBLEM_MEDIA_TYPE]: {
      schema: problemSchema,
      examples: Object.fromEntries(
        list.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
      ),
    },
  }));
}

/** A problem of each code, as components of the document. */
export const PROBLEM_EXAMPLES = (Object.keys(ERROR_CODES) as ErrorCode[]).map((code) => {
  const { title } = ERROR_CODES[code];
  return [code, { value: problemDetails(new ServingError(code, title), 'a-1') }] as const;
});

/** Error answers of the protocols: `{"error": "…"}`. */
export function plainErrors(...codes: ErrorCode[]): Record<string, ResponseConfig> {
  return byStatus(codes, (list) => ({
    'application/json': {
      schema: plainErrorSchema,
      example: { error: ERROR_CODES[list[0] ?? 'INTERNAL'].title },
    },
  }));
}

function byStatus(
  codes: readonly ErrorCode[],
  content: (codes: readonly ErrorCode[]) => NonNullable<ResponseConfig['content']>,
): Record<string, ResponseConfig> {
  const all = [...new Set([...codes, ...EVERYWHERE])];
  const statuses = [...new Set(all.map((code) => ERROR_CODES[code].status))].sort((a, b) => a - b);
  const answers = Object.fromEntries(
    statuses.map((status) => {
      const here = all.filter((code) => ERROR_CODES[code].status === status);
      return [
        String(status),
        answer(
          here.map((code) => `\`${code}\`: ${ERROR_CODES[code].title}`).join('\n\n'),
          content(here),
          headersOf(here),
        ),
      ];
    }),
  );
  return { ...answers, ...HEAD_TOO_LARGE };
}

function headersOf(codes: readonly ErrorCode[]): HeaderName[] {
  const retriable = codes.some((code) => ERROR_CODES[code].retriable);
  return [
    'X-Error-Code',
    ...(retriable ? (['Retry-After'] as const) : []),
    ...(codes.includes('UNAUTHENTICATED') ? (['WWW-Authenticate'] as const) : []),
    ...(codes.includes('UNSUPPORTED_MEDIA_TYPE') ? (['Accept'] as const) : []),
  ];
}
