import type { TensorSpec } from '../../kernel/tensor';

/**
 * Triton has no tensors of only a batch dimension: a model that takes [?] is [?, 1] there, with
 * `reshape` in its configuration. Clients that send a column get a column.
 */
export function isColumn(spec: TensorSpec | undefined, shape: readonly number[]): boolean {
  return spec?.shape?.length === 1 && spec.shape[0] === -1 && shape.length === 2 && shape[1] === 1;
}
