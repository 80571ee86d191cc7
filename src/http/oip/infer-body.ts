import type { Request } from 'express';

import { ServingError } from '../../kernel/errors';

/** Length of the JSON in front of the binary tensors, in bytes. */
export const JSON_LENGTH_HEADER = 'Inference-Header-Content-Length';

/** The two parts of a body: JSON, then binary tensors. */
export interface InferBody {
  /** Undefined for a raw binary request, which is one tensor and nothing else. */
  readonly json: Buffer | undefined;
  readonly binary: Buffer;
}

/** @throws ServingError BAD_REQUEST when the header does not fit the body */
export function inferBodyOf(request: Request, body: Buffer): InferBody {
  const header = request.get(JSON_LENGTH_HEADER);
  if (header === undefined) return { json: body, binary: body.subarray(body.length) };
  const length = /^\d{1,15}$/.test(header.trim()) ? Number(header) : NaN;
  if (!(length <= body.length)) {
    throw new ServingError(
      'BAD_REQUEST',
      `${JSON_LENGTH_HEADER}: ${header} does not fit a body of ${body.length} bytes`,
    );
  }
  return {
    json: length === 0 ? undefined : body.subarray(0, length),
    binary: body.subarray(length),
  };
}
