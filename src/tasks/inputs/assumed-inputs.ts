import type { Signature, TensorSpec } from '../../kernel/tensor';
import type { Notes } from '../task';
import type { InputsConfig } from './input-config';

/**
 * The roles of a signature of one input, where the task that model.json names leaves no doubt about it.
 * @returns undefined where it does
 */
export function assumedInputs(
  task: string | undefined,
  { inputs }: Signature,
  notes: Notes,
): InputsConfig | undefined {
  const [only, ...others] = inputs;
  if (only === undefined || others.length > 0) return undefined;
  if (task === 'text-generation' && only.dtype === 'string') {
    notes.assumption(`inputs.prompt: "${only.name}", the only input`);
    return { prompt: { name: only.name, text: {} } };
  }
  if (task === 'image-generation' && isVector(only)) {
    notes.assumption(`inputs.noise: "${only.name}", the only input`);
    return { noise: { name: only.name, noise: {} } };
  }
  return undefined;
}

function isVector({ dtype, shape = [] }: TensorSpec): boolean {
  return dtype === 'float32' && shape.length > 1;
}
