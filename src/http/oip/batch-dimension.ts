import type { ServableSpec } from '../../models/servable-spec';

/**
 * The rows that a batch may have in the words of Triton: the first dimension of every tensor is that of the
 * batch, or 0 when none is. An image model that was exported for one picture has batches of 1: Triton's image
 * clients take pictures of three dimensions alone.
 */
export function maxBatchSizeOf({
  batchable,
  batching,
  image,
  signature,
}: Pick<ServableSpec, 'batchable' | 'batching' | 'image' | 'signature'>): number {
  if (batchable) return batching.maxBatchSize;
  const tensors = [...signature.inputs, ...signature.outputs];
  return image !== undefined && tensors.every(({ shape }) => shape?.[0] === 1) ? 1 : 0;
}
