import type { Request } from 'express';

import { ServingError } from '../kernel/errors';
import { versionParameter } from './openapi/operation';

/**
 * The version that the address names; undefined when it names none.
 * @throws ServingError BAD_REQUEST
 */
export function versionOf(request: Request): number | undefined {
  const { version } = request.params;
  if (version === undefined) return undefined;
  const parsed = versionParameter.safeParse(version);
  if (parsed.success) return parsed.data;
  throw new ServingError(
    'BAD_REQUEST',
    `"${String(version)}" is not a version: versions are whole numbers`,
  );
}
