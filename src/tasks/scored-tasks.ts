import type { AnyTask } from './task';
import type { AnyTaskRow } from './task-row';
import { TASKS } from './tasks';

/** A task that folders of images can be scored with. */
export type ScoredTask = AnyTask & { readonly row: AnyTaskRow };

export function scoredTasks(): readonly ScoredTask[] {
  return TASKS.filter((task): task is ScoredTask => task.row !== undefined);
}
