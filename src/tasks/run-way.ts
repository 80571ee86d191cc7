import type { RunWay, TaskModel, TaskRun } from './task';

/** The way through the rewritten graph where there is one, fetching the model's own outputs. */
export function wholeRun(
  { own, rewritten }: Pick<TaskModel<unknown>, 'own' | 'rewritten'>,
  outputs: readonly string[],
): TaskRun {
  const { signatureName, signature, image }: RunWay = rewritten ?? own;
  return { signatureName, signature, image, outputs };
}
