import { mkdtemp, readFile, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { csvFormat } from '../../../../../src/commands/score/rows/csv-format';
import { jsonlFormat } from '../../../../../src/commands/score/rows/jsonl-format';
import { readRows } from '../../../../../src/commands/score/rows/read-rows';
import type { ScoreRow } from '../../../../../src/commands/score/rows/score-row';
import { ODD_ROWS } from '../../../../support/score-rows';
import { removeFolder } from '../../../../support/service';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'rows-'));
});
afterAll(() => removeFolder(folder));

async function all(rows: AsyncIterable<ScoreRow>): Promise<ScoreRow[]> {
  const found: ScoreRow[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

describe.each([
  ['jsonl', jsonlFormat],
  ['csv', csvFormat],
])('%s', (extension, format) => {
  const file = (): string => path.join(folder, `rows.${extension}`);
  const text = format.header + ODD_ROWS.map((row) => format.write(row)).join('');

  test('what is written is read back', async () => {
    await writeFile(file(), text);

    expect(await all(readRows(file()))).toEqual(ODD_ROWS);
    expect(await format.completeLength(file())).toBe(Buffer.byteLength(text));
  });

  test('cut off at any byte, whole rows stay and the torn one goes', async () => {
    const ends = [format.header, ...ODD_ROWS.map((row) => format.write(row))].map(
      (_, index, list) => Buffer.byteLength(list.slice(0, index + 1).join('')),
    );
    const bytes = Buffer.from(text);
    for (let length = 0; length <= bytes.length; length++) {
      // Every byte around the ends of rows, some of the others.
      if (length % 7 > 0 && ends.every((end) => Math.abs(end - length) > 2)) continue;
      await writeFile(file(), bytes.subarray(0, length));

      const complete = await format.completeLength(file());

      expect(complete).toBe(Math.max(0, ...ends.filter((end) => end <= length)));
    }
  });

  test('a row in the middle that is none is told with its line', async () => {
    await writeFile(file(), `${text}{"broken": true}\n`);

    await expect(all(format.read(file()))).rejects.toThrow(/line \d+, is not a row/);
  });
});

test('a file longer than a chunk is searched from its end', async () => {
  const file = path.join(folder, 'long.jsonl');
  await writeFile(file, `{}\n${'x'.repeat(200_000)}`);

  expect(await jsonlFormat.completeLength(file)).toBe(3);
  await truncate(file, 2);
  expect(await jsonlFormat.completeLength(file)).toBe(0);
});

test('CSV has a header that spreadsheets show, and one line a row', async () => {
  const file = path.join(folder, 'header.csv');
  await writeFile(file, csvFormat.header);

  expect(await readFile(file, 'utf8')).toMatch(/^path,path_encoding,root,size,mtime,hash,model,/);
});

test('another name is refused', () => {
  expect(() => readRows('rows.xlsx')).toThrow('must end with .jsonl');
});
