import { formatShape, isAnswerable, type TensorSpec } from '../kernel/tensor';
import type { Notes } from './task';

/** The first output that can be answered, or just the first. */
export function mainOutput(outputs: readonly TensorSpec[]): TensorSpec | undefined {
  return outputs.find(isAnswerable) ?? outputs[0];
}

/**
 * The output that model.json names, else the main one.
 * @param where its place in model.json
 */
export function chooseOutput(
  wanted: string | undefined,
  outputs: readonly TensorSpec[],
  where: string,
  notes: Notes,
): TensorSpec | undefined {
  const found =
    wanted === undefined ? mainOutput(outputs) : outputs.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  notes.problem(
    wanted === undefined
      ? 'the signature has no output'
      : `${where}: there is no tensor "${wanted}"; the signature has ${describeTensors(outputs)}`,
  );
  return undefined;
}

/** `"scores" DT_FLOAT [?, 10], …`, for messages. */
export function describeTensors(specs: readonly TensorSpec[]): string {
  return specs
    .map(({ name, tfDtype, shape }) => `"${name}" ${tfDtype} ${formatShape(shape)}`)
    .join(', ');
}

/** `"scores" of shape [?, 10]`, for messages. */
export function nameAndShape({ name, shape }: TensorSpec): string {
  return `"${name}" of shape ${formatShape(shape)}`;
}
