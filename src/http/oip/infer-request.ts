import { z } from 'zod';

import { ServingError } from '../../kernel/errors';
import { JsonSlice } from '../json/json-slice';
import type { JsonValue } from '../json/json-value';
import { readDocument, type Captures } from '../json/read-document';
import { withoutNulls } from '../json/without-nulls';
import { named, unnamed, type Naming } from '../schemas/naming';
import { DATATYPES } from './datatypes';

/** Dimensions of a tensor; NumPy stops at 32. */
const MAX_RANK = 32;

const flag = z.boolean({ error: 'must be true or false' });
/** For the document: what `z.coerce` takes besides is nothing to promise. */
const wholeNumber = { type: 'integer', minimum: 0 };
const bytes = z.int({ error: 'must be a number of bytes' }).min(0);

const requestParameters = z.looseObject({
  binary_data_output: flag.optional(),
  timeout: z.coerce.number().int().min(0).optional().meta(wholeNumber),
  priority: z.coerce.number().int().min(0).optional().meta(wholeNumber),
  signature_name: z.string().optional(),
});
const inputParameters = z.looseObject({ binary_data_size: bytes.optional() });
const outputParameters = z.looseObject({
  binary_data: flag.optional(),
  classification: z.int().min(1).max(100_000).optional(),
});

/** @param data of an input */
function inferRequest<T extends z.ZodType>(data: T, name: Naming) {
  const input = z.object({
    name: z.string(),
    shape: z.array(z.int().min(0)).max(MAX_RANK),
    datatype: z.enum(DATATYPES),
    parameters: name(inputParameters, 'InferenceInputParameters').optional(),
    data: data.optional(),
  });
  const output = z.object({
    name: z.string(),
    parameters: name(outputParameters, 'RequestedOutputParameters').optional(),
  });
  const request = z.object({
    id: z.union([z.string(), z.int().transform(String)]).optional(),
    parameters: name(requestParameters, 'InferenceParameters').optional(),
    inputs: z.array(name(input, 'InferenceInput')).describe('Empty for a signature without inputs'),
    outputs: z.array(name(output, 'RequestedOutput')).optional(),
  });
  return name(request, 'InferenceRequest');
}

/** The JSON of an infer request, with the parameters of Triton's extensions, for the document. */
export const inferRequestSchema = inferRequest(
  z.array(z.unknown()).meta({ items: {}, description: 'Elements, nested or flat, row-major' }),
  named,
);

/** The same as it is read: elements stay where they are until the type of the input is known. */
const inferSlicesSchema = inferRequest(
  z.custom<JsonSlice>((value) => value instanceof JsonSlice),
  unnamed,
);

export type InferRequest = z.infer<typeof inferSlicesSchema>;
export type InferInput = InferRequest['inputs'][number];
export type RequestedOutput = NonNullable<InferRequest['outputs']>[number];

/** Inputs, or outputs, that a request may name. */
const MAX_TENSORS = 1024;

const CAPTURES: Captures = { inputs: { '*': { data: true } } };

/**
 * Reads the JSON of a request; the elements of its inputs are left where they are.
 * @throws ServingError BAD_REQUEST naming what is wrong, PAYLOAD_TOO_LARGE
 */
export async function readInferRequest(json: Buffer, signal?: AbortSignal): Promise<InferRequest> {
  const document = await readDocument(json, { captures: CAPTURES, signal });
  refuseLongLists(document);
  const parsed = inferSlicesSchema.safeParse(withoutNulls(document));
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

/** Before their items are validated. */
function refuseLongLists(document: JsonValue): void {
  for (const key of ['inputs', 'outputs']) {
    const list = (document as Readonly<Record<string, unknown>> | null)?.[key];
    if (Array.isArray(list) && list.length > MAX_TENSORS) {
      throw new ServingError(
        'BAD_REQUEST',
        `Invalid request: ${key} has ${list.length} items; ${MAX_TENSORS} are allowed`,
      );
    }
  }
}

function refuseUnsupported(request: InferRequest): void {
  const names = new Set<string>();
  for (const { name } of request.outputs ?? []) {
    if (names.has(name)) {
      throw new ServingError(
        'BAD_REQUEST',
        `output "${name}" is asked for twice: name each output once`,
      );
    }
    names.add(name);
  }
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
