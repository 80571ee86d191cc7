import { ServingError } from '../kernel/errors';
import type { Servable } from '../models/servable';
import type { AnyTask } from '../tasks/task';

/** The address that answers for every task. */
export const ANY_VERB = 'predict';

/**
 * What a model does, when an address asks for that.
 * @param verb the last part of the address
 * @throws ServingError WRONG_TASK, naming the address that is right
 */
export function requireTask(
  { name, spec }: Pick<Servable, 'name' | 'spec'>,
  verb: string,
): AnyTask {
  const { imageTask: task } = spec;
  if (task === undefined) {
    throw new ServingError(
      'WRONG_TASK',
      `Model ${name} takes tensors, not images: POST them to /v2/models/${name}/infer or /v1/models/${name}:predict`,
    );
  }
  if (verb === task.verb || verb === ANY_VERB) return task;
  throw new ServingError(
    'WRONG_TASK',
    `Model ${name} does ${task.name}, not ${verb}: POST to /models/${name}/${task.verb}`,
  );
}
