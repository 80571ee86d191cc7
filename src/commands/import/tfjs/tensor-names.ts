import type * as tf from '@tensorflow/tfjs';

import { ImportError } from '../import-error';

/**
 * Names of a model's inputs or outputs: those of the layers that make them. A Sequential has no list
 * of them.
 * @throws ImportError when two have the same
 */
export function tensorNames(symbols: readonly tf.SymbolicTensor[]): readonly string[] {
  const names = symbols.map(({ sourceLayer }) => sourceLayer.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return names;
  throw new ImportError(`two of the model's tensors have the name "${twice}"`);
}
