import { z } from 'zod';

import { ServingError } from '../../kernel/errors';
import { parseJson } from '../json/parse-json';
import type { JsonValue } from '../json/lossless-json';
import { DATATYPES } from './datatypes';

/** Dimensions of a tensor; NumPy stops at 32. */
const MAX_RANK = 32;

const flag = z.boolean({ error: 'must be true or false' });
/** For the document: what `z.coerce` takes besides is nothing to promise. */
const wholeNumber = { type: 'integer', minimum: 0 };
const bytes = z.int({ error: 'must be a number of bytes' }).min(0);

const inputSchema = z.object({
  name: z.string(),
  shape: z.array(z.int().min(0)).max(MAX_RANK),
  datatype: z.enum(DATATYPES),
  parameters: z.looseObject({ binary_data_size: bytes.optional() }).optional(),
  // Checked where the type of the input is known: there may be millions of values.
  data: z
    .custom<JsonValue>(() => true)
    .optional()
    .meta({ type: 'array', items: {}, description: 'Elements, nested or flat, row-major' }),
});

const outputSchema = z.object({
  name: z.string(),
  parameters: z
    .looseObject({
      binary_data: flag.optional(),
      classification: z.int().min(1).max(100_000).optional(),
    })
    .optional(),
});

/** The JSON of an infer request, with the parameters of Triton's extensions. */
export const inferRequestSchema = z.object({
  id: z.union([z.string(), z.int().transform(String)]).optional(),
  parameters: z
    .looseObject({
      binary_data_output: flag.optional(),
      timeout: z.coerce.number().int().min(0).optional().meta(wholeNumber),
      priority: z.coerce.number().int().min(0).optional().meta(wholeNumber),
      signature_name: z.string().optional(),
    })
    .optional(),
  inputs: z.array(inputSchema).min(1),
  outputs: z.array(outputSchema).optional(),
});

export type InferRequest = z.infer<typeof inferRequestSchema>;
export type InferInput = InferRequest['inputs'][number];
export type RequestedOutput = NonNullable<InferRequest['outputs']>[number];

/**
 * Parses the JSON of a request.
 * @throws ServingError BAD_REQUEST naming everything that is wrong, PAYLOAD_TOO_LARGE
 */
export function parseInferRequest(json: Buffer): InferRequest {
  const parsed = inferRequestSchema.safeParse(parseJson(json));
  if (!parsed.success) {
    throw new ServingError('BAD_REQUEST', `Invalid request: ${describe(parsed.error.issues)}`);
  }
  refuseUnsupported(parsed.data);
  return parsed.data;
}

function describe(issues: readonly z.core.$ZodIssue[]): string {
  return issues
    .slice(0, 8)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ');
}

function refuseUnsupported(request: InferRequest): void {
  for (const [key, value] of Object.entries(request.parameters ?? {})) {
    if (key.startsWith('sequence_') && value !== 0 && value !== '' && value !== false) {
      throw new ServingError(
        'BAD_REQUEST',
        `parameter "${key}": models here keep no state between requests, so there are no sequences`,
      );
    }
  }
  for (const { name, parameters: given } of [...request.inputs, ...(request.outputs ?? [])]) {
    const shared = Object.keys(given ?? {}).find((key) => key.startsWith('shared_memory_'));
    if (shared !== undefined) {
      throw new ServingError(
        'BAD_REQUEST',
        `"${name}", parameter "${shared}": there is no shared memory with clients`,
      );
    }
  }
}
