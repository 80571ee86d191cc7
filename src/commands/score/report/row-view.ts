import type { RowView } from '../../../tasks/task-row';
import { rowTask } from '../rows/row-classes';
import type { ScoredRow } from '../rows/score-row';

/** Characters of a result that is written out. */
const TEXT_LENGTH = 200;

/** What the report shows of a row: what its task says, else its members as text. */
export function viewOf(row: ScoredRow): RowView {
  const task = rowTask(row);
  if (task === undefined) return { text: 'A result of a task that this version does not know' };
  if (task.view !== undefined) return task.view(row as never);
  // A row of classes is shown by them.
  if (task.classesAre !== 'none') return {};
  const members = Object.keys(task.columns).map((name) => `${name}: ${asText(row[name])}`);
  const text = members.join(', ');
  return { text: text.length > TEXT_LENGTH ? `${text.slice(0, TEXT_LENGTH - 1)}…` : text };
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
