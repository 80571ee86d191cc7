import { z } from 'zod';

import { scoredTasks } from '../../../tasks/scored-tasks';
import type { MemberColumn } from '../../../tasks/task-row';

/** How a column is stored where types matter. */
export type ColumnType = 'STRING' | 'INT64' | 'DOUBLE' | 'FLOATS';
export type Cell = string | number | readonly number[] | null;
/** By name of the column. */
export type Cells = Readonly<Record<string, unknown>>;

/** Columns of every task, in the order of the tasks. */
export const MEMBER_COLUMNS: Readonly<Record<string, ColumnType>> = Object.fromEntries(
  scoredTasks().flatMap(({ row }) =>
    Object.entries(row.columns).flatMap(([member, column]) => columnsOf(member, column)),
  ),
);

function columnsOf(member: string, column: MemberColumn): [string, ColumnType][] {
  if (column === 'json') return [[member, 'STRING']];
  if (column === 'integer') return [[member, 'INT64']];
  if (column === 'floats') return [[member, 'FLOATS']];
  return Object.entries(column).map(([field, type]) => [`${member}_${field}`, type]);
}

/** The cells of a row's members; null in the columns of other tasks. */
export function memberCells(row: object): Record<string, Cell> {
  const values = row as Readonly<Record<string, unknown>>;
  const cells: Record<string, Cell> = {};
  for (const { row: taskRow } of scoredTasks()) {
    for (const [member, column] of Object.entries(taskRow.columns)) {
      const value = values[member];
      for (const [name] of columnsOf(member, column)) {
        const field =
          typeof column === 'string' ? value : fieldOf(value, name.slice(member.length + 1));
        cells[name] ??=
          field === undefined ? null : column === 'json' ? JSON.stringify(field) : (field as Cell);
      }
    }
  }
  return cells;
}

function fieldOf(value: unknown, field: string): unknown {
  return (value as Readonly<Record<string, unknown>> | undefined)?.[field];
}

const cellText = z.string().transform((text): unknown => JSON.parse(text));
const list = z.union([cellText, z.array(z.number())]);

/**
 * The members again, of the first task whose columns are all filled.
 * @throws ZodError, or SyntaxError, when they are not those of any task
 */
export function membersOf(cells: Cells): object {
  const isFilled = (name: string): boolean => cells[name] !== null && cells[name] !== undefined;
  const found = scoredTasks().find(({ row }) =>
    Object.entries(row.columns).every(([member, column]) =>
      columnsOf(member, column).every(([name]) => isFilled(name)),
    ),
  );
  if (found === undefined) throw new TypeError('it holds the result of no task that is known');
  const members = Object.entries(found.row.columns).map(([member, column]): [string, unknown] => {
    if (column === 'json' || column === 'floats') return [member, list.parse(cells[member])];
    if (column === 'integer') return [member, cells[member]];
    const fields = Object.keys(column).map((field) => [field, cells[`${member}_${field}`]]);
    return [member, Object.fromEntries(fields)];
  });
  return found.row.members.parse(Object.fromEntries(members)) as object;
}
