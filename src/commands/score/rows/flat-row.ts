import { z } from 'zod';

import {
  MEMBER_COLUMNS,
  memberCells,
  membersOf,
  type Cell,
  type ColumnType,
} from './member-columns';
import { classesOf, rowTask } from './row-classes';
import type { ScoreRow } from './score-row';

/** Columns of CSV and Parquet, in order. What a row has not is empty, or null. */
export const COLUMNS: Readonly<Record<string, ColumnType>> = {
  path: 'STRING',
  path_encoding: 'STRING',
  root: 'STRING',
  size: 'INT64',
  mtime: 'STRING',
  hash: 'STRING',
  model: 'STRING',
  version: 'STRING',
  status: 'STRING',
  label: 'STRING',
  index: 'INT64',
  score: 'DOUBLE',
  count: 'INT64',
  ...MEMBER_COLUMNS,
  error_code: 'STRING',
  error_message: 'STRING',
  preprocess_ms: 'DOUBLE',
  queue_ms: 'DOUBLE',
  infer_ms: 'DOUBLE',
  postprocess_ms: 'DOUBLE',
  total_ms: 'DOUBLE',
};

export type FlatRow = Readonly<Record<string, Cell>>;

export const COLUMN_NAMES = Object.keys(COLUMNS);
const STAGES = ['preprocess', 'queue', 'infer', 'postprocess', 'total'] as const;

export function flatten(row: ScoreRow): FlatRow {
  const error = row.status === 'error' ? row.error : undefined;
  const classes = classesOf(row);
  const [first] = classes;
  const time = (stage: (typeof STAGES)[number]): number | null => row.timings?.[stage] ?? null;
  return {
    path: row.path,
    path_encoding: row.pathEncoding ?? null,
    root: row.root,
    size: row.size ?? null,
    mtime: row.mtime ?? null,
    hash: row.hash ?? null,
    model: row.model,
    version: row.version,
    status: row.status,
    label: first?.label ?? null,
    index: first?.index ?? null,
    score: first?.score ?? null,
    count: rowTask(row)?.classesAre === 'found' ? classes.length : null,
    ...memberCells(row),
    error_code: error?.code ?? null,
    error_message: error?.message ?? null,
    preprocess_ms: time('preprocess'),
    queue_ms: time('queue'),
    infer_ms: time('infer'),
    postprocess_ms: time('postprocess'),
    total_ms: time('total'),
  };
}

const text = z.string();
const optionalText = z.string().nullable();
const optionalNumber = z.coerce.number().nullable();

const flatSchema = z.object({
  path: text,
  path_encoding: optionalText,
  root: text,
  size: optionalNumber,
  mtime: optionalText,
  hash: optionalText,
  model: text,
  version: text,
  status: z.enum(['ok', 'error']),
  error_code: optionalText,
  error_message: optionalText,
  preprocess_ms: optionalNumber,
  queue_ms: optionalNumber,
  infer_ms: optionalNumber,
  postprocess_ms: optionalNumber,
  total_ms: optionalNumber,
});

/**
 * The row again; an empty text is nothing.
 * @throws Error when it is not a row
 */
export function unflatten(record: Readonly<Record<string, unknown>>): ScoreRow {
  const given = Object.fromEntries(
    COLUMN_NAMES.map((name) => [name, record[name] === '' ? null : (record[name] ?? null)]),
  );
  // A path cannot be empty, the label of a class can: it is in the members.
  const flat = flatSchema.parse(given);
  const timings = Object.fromEntries(
    STAGES.flatMap((stage) => {
      const ms = flat[`${stage}_ms`];
      return ms === null ? [] : [[stage, ms]];
    }),
  );
  const base = {
    path: flat.path,
    ...(flat.path_encoding === null ? {} : { pathEncoding: 'percent' as const }),
    root: flat.root,
    ...(flat.size === null ? {} : { size: flat.size }),
    ...(flat.mtime === null ? {} : { mtime: flat.mtime }),
    ...(flat.hash === null ? {} : { hash: flat.hash }),
    model: flat.model,
    version: flat.version,
  };
  const end = Object.keys(timings).length === 0 ? {} : { timings };
  if (flat.status === 'error') {
    const error = { code: flat.error_code ?? '', message: flat.error_message ?? '' };
    return { ...base, status: 'error', error, ...end };
  }
  return { ...base, status: 'ok', ...membersOf(given), ...end } as unknown as ScoreRow;
}
