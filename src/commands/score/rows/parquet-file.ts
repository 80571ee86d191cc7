import { rename, rm } from 'node:fs/promises';

import { COLUMN_NAMES, COLUMNS, flatten, unflatten, type FlatRow } from './flat-row';
import type { ScoreRow } from './score-row';

/** Rows that are in memory at once, and that a reader has to read at once. */
const ROW_GROUP = 20_000;

/**
 * Writes rows as a Parquet file. It has its directory at its end, so it cannot grow row by row: it
 * is made at once, and appears under its name when it is whole.
 */
export async function writeParquet(file: string, rows: AsyncIterable<ScoreRow>): Promise<void> {
  const { ParquetWriter, fileWriter, schemaFromColumnData } = await import('hyparquet-writer');
  const columns = (
    group: readonly FlatRow[],
  ): Parameters<InstanceType<typeof ParquetWriter>['write']>[0]['columnData'] =>
    COLUMN_NAMES.map((name) => ({
      name,
      type: COLUMNS[name],
      nullable: true,
      data: group.map((row) => stored(row[name], COLUMNS[name])),
    }));
  const temporary = `${file}.partial`;
  try {
    const writer = new ParquetWriter({
      writer: fileWriter(temporary),
      schema: schemaFromColumnData({ columnData: columns([]) }),
    });
    let group: FlatRow[] = [];
    const flush = async (): Promise<void> => {
      await writer.write({ columnData: columns(group), rowGroupSize: ROW_GROUP });
      group = [];
    };
    for await (const row of rows) {
      group.push(flatten(row));
      if (group.length === ROW_GROUP) await flush();
    }
    if (group.length > 0) await flush();
    await writer.finish();
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}

export async function* readParquet(file: string): AsyncGenerator<ScoreRow> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } =
    await import('hyparquet');
  const buffer = await asyncBufferFromFile(file);
  const metadata = await parquetMetadataAsync(buffer);
  let start = 0;
  for (const { num_rows: count } of metadata.row_groups) {
    const end = start + Number(count);
    const records = await parquetReadObjects({
      file: buffer,
      metadata,
      rowStart: start,
      rowEnd: end,
    });
    for (const record of records) yield unflatten(record);
    start = end;
  }
}

function stored(
  value: string | number | null,
  type: (typeof COLUMNS)[keyof typeof COLUMNS],
): unknown {
  return type === 'INT64' && typeof value === 'number' ? BigInt(value) : value;
}
