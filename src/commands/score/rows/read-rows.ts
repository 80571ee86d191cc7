import path from 'node:path';

import { csvFormat } from './csv-format';
import { jsonlFormat } from './jsonl-format';
import { readParquet } from './parquet-file';
import type { ScoreRow } from './score-row';

export const ROW_FORMATS = ['jsonl', 'csv', 'parquet'] as const;
export type RowFormat = (typeof ROW_FORMATS)[number];

const BY_EXTENSION: Readonly<Record<string, RowFormat>> = {
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'jsonl',
  '.csv': 'csv',
  '.parquet': 'parquet',
};

/** The format that the name of a file says; undefined when it says none. */
export function formatOf(file: string): RowFormat | undefined {
  return BY_EXTENSION[path.extname(file).toLowerCase()];
}

/**
 * The rows of a finished file, whatever its format. The name says it where `format` does not.
 * @throws Error for a name of an unknown format, and where something is not a row
 */
export function readRows(file: string, format = formatOf(file)): AsyncIterable<ScoreRow> {
  switch (format) {
    case 'jsonl':
      return jsonlFormat.read(file);
    case 'csv':
      return csvFormat.read(file);
    case 'parquet':
      return readParquet(file);
    case undefined:
      throw new Error(`${file}: the name must end with ${Object.keys(BY_EXTENSION).join(', ')}`);
  }
}
