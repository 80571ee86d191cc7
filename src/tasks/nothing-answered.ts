import { ServingError } from '../kernel/errors';

/** @throws ServingError INFERENCE_FAILED when there is no such output */
export function required<T>(output: T | undefined): T {
  if (output !== undefined) return output;
  throw new ServingError('INFERENCE_FAILED', 'The model answered nothing');
}
