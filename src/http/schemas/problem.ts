import { z } from 'zod';

import { ERROR_CODES, type ErrorCode } from '../../kernel/errors';

const CODES = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];

/** RFC 9457. */
export const problemSchema = z
  .object({
    type: z.string().describe('URN of the code'),
    title: z.string().describe('The same for every error of the code'),
    status: z.number().int(),
    detail: z.string().describe('What was wrong this time, and what is allowed'),
    code: z.enum(CODES).describe('Stable: programs should look at this and at nothing else'),
    retriable: z.boolean().describe('The same request may succeed later'),
    requestId: z.string().optional().describe('Also in X-Request-Id and in the log'),
  })
  .meta({ id: 'Problem', description: 'Problem details (RFC 9457)' });

export type ProblemDetails = Readonly<z.infer<typeof problemSchema>>;
