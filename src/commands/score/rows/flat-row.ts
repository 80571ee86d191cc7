import { z } from 'zod';

import type { ScoreRow } from './score-row';

/** How a column is stored where types matter. */
export type ColumnType = 'STRING' | 'INT64' | 'DOUBLE';

/** Columns of CSV and Parquet, in order. What a row has not is empty, or null. */
export const COLUMNS = {
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
  predictions: 'STRING',
  output_path: 'STRING',
  output_width: 'INT64',
  output_height: 'INT64',
  output_format: 'STRING',
  output_bytes: 'INT64',
  error_code: 'STRING',
  error_message: 'STRING',
  decode_ms: 'DOUBLE',
  queue_ms: 'DOUBLE',
  inference_ms: 'DOUBLE',
  output_ms: 'DOUBLE',
  total_ms: 'DOUBLE',
} as const satisfies Record<string, ColumnType>;

export type ColumnName = keyof typeof COLUMNS;
export type FlatRow = Readonly<Record<ColumnName, string | number | null>>;

export const COLUMN_NAMES = Object.keys(COLUMNS) as ColumnName[];
const STAGES = ['decode', 'queue', 'inference', 'output', 'total'] as const;

export function flatten(row: ScoreRow): FlatRow {
  const predictions = 'predictions' in row ? row.predictions : undefined;
  const output = 'output' in row ? row.output : undefined;
  const error = row.status === 'error' ? row.error : undefined;
  const first = predictions?.[0];
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
    predictions: predictions === undefined ? null : JSON.stringify(predictions),
    output_path: output?.path ?? null,
    output_width: output?.width ?? null,
    output_height: output?.height ?? null,
    output_format: output?.format ?? null,
    output_bytes: output?.bytes ?? null,
    error_code: error?.code ?? null,
    error_message: error?.message ?? null,
    decode_ms: time('decode'),
    queue_ms: time('queue'),
    inference_ms: time('inference'),
    output_ms: time('output'),
    total_ms: time('total'),
  };
}

const text = z.string();
const optionalText = z.string().nullable();
const optionalNumber = z.coerce.number().nullable();
const predictionsSchema = z.array(
  z.object({ index: z.number(), label: z.string(), score: z.number() }),
);

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
  predictions: optionalText,
  output_path: optionalText,
  output_width: optionalNumber,
  output_height: optionalNumber,
  output_format: optionalText,
  output_bytes: optionalNumber,
  error_code: optionalText,
  error_message: optionalText,
  decode_ms: optionalNumber,
  queue_ms: optionalNumber,
  inference_ms: optionalNumber,
  output_ms: optionalNumber,
  total_ms: optionalNumber,
});

/**
 * The row again; an empty text is nothing.
 * @throws ZodError when it is not a row
 */
export function unflatten(record: Readonly<Record<string, unknown>>): ScoreRow {
  const given = Object.fromEntries(
    COLUMN_NAMES.map((name) => [name, record[name] === '' ? null : (record[name] ?? null)]),
  );
  // A path cannot be empty, the label of a class can: it is in `predictions`.
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
  if (flat.predictions !== null) {
    const predictions = predictionsSchema.parse(JSON.parse(flat.predictions));
    return { ...base, status: 'ok', predictions, ...end };
  }
  const output = {
    path: flat.output_path ?? '',
    width: flat.output_width ?? 0,
    height: flat.output_height ?? 0,
    format: flat.output_format ?? '',
    bytes: flat.output_bytes ?? 0,
  };
  return { ...base, status: 'ok', output, ...end };
}
