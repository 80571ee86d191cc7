import { rename, rm } from 'node:fs/promises';

import { COLUMN_NAMES, COLUMNS, flatten, unflatten, type FlatRow } from './flat-row';
import type { Cell, ColumnType } from './member-columns';
import type { ScoreRow } from './score-row';

/** Rows that are in memory at once, and that a reader has to read at once. */
const ROW_GROUP = 20_000;

/**
 * Writes rows as a Parquet file. It has its directory at its end, so it cannot grow row by row: it
 * is made at once, and appears under its name when it is whole.
 */
export async function writeParquet(file: string, rows: AsyncIterable<ScoreRow>): Promise<void> {
  const { ParquetWriter, fileWriter } = await import('hyparquet-writer');
  const columns = (group: readonly FlatRow[]) =>
    COLUMN_NAMES.map((name) => ({
      name,
      data: group.map((row) => stored(row[name] ?? null, COLUMNS[name])),
    }));
  const temporary = `${file}.partial`;
  try {
    const writer = new ParquetWriter({
      writer: fileWriter(temporary),
      schema: schema(),
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

type Schema = ConstructorParameters<
  (typeof import('hyparquet-writer'))['ParquetWriter']
>[0]['schema'];

/** Every column may be null. A list has three levels, as the format has it. */
function schema(): Schema {
  const repetition_type = 'OPTIONAL';
  const fields = COLUMN_NAMES.flatMap((name): Schema => {
    const type = COLUMNS[name] ?? 'STRING';
    switch (type) {
      case 'FLOATS':
        return [
          { name, repetition_type, converted_type: 'LIST', num_children: 1 },
          { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
          { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
        ];
      case 'INT64':
      case 'DOUBLE':
        return [{ name, repetition_type, type }];
      case 'STRING':
        return [{ name, repetition_type, type: 'BYTE_ARRAY', converted_type: 'UTF8' }];
    }
  });
  return [{ name: 'root', num_children: COLUMN_NAMES.length }, ...fields];
}

function stored(value: Cell, type: ColumnType | undefined): unknown {
  return type === 'INT64' && typeof value === 'number' ? BigInt(value) : value;
}
