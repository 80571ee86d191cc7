import type { Tensor } from '../../kernel/tensor';

/** The signature of every import. */
export const SIGNATURE = 'serving_default';

/** What was fed to both models, and what TensorFlow.js answered, in the types of the import. */
export interface CheckedRun {
  readonly inputs: readonly Tensor[];
  readonly expected: readonly Tensor[];
}
