import { scoredTasks } from '../../../tasks/scored-tasks';
import type { AnyTaskRow, RowClass } from '../../../tasks/task-row';
import type { ScoreRow } from './score-row';

/** What the task of a row says of it; undefined for an error. */
export function rowTask(row: ScoreRow): AnyTaskRow | undefined {
  if (row.status === 'error') return undefined;
  return scoredTasks().find(({ row: { columns } }) =>
    Object.keys(columns).every((key) => key in row),
  )?.row;
}

/** The classes that a row names, the most important first. */
export function classesOf(row: ScoreRow): readonly RowClass[] {
  return rowTask(row)?.classes(row as never) ?? [];
}

/** The best of each class that a row names, in the order of the row. */
export function bestOfEach(row: ScoreRow): RowClass[] {
  const best = new Map<number, RowClass>();
  for (const one of classesOf(row)) {
    const known = best.get(one.index);
    if (known === undefined || (one.score ?? 0) > (known.score ?? 0)) best.set(one.index, one);
  }
  return [...best.values()];
}
