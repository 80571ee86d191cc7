import { appendFile, mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { lockOutput } from '../../../../../src/commands/score/rows/output-lock';
import { readRows, type RowFormat } from '../../../../../src/commands/score/rows/read-rows';
import {
  RowOutput,
  type RowOutputOptions,
} from '../../../../../src/commands/score/rows/row-output';
import type { ScoreRow } from '../../../../../src/commands/score/rows/score-row';
import { ODD_ROWS } from '../../../../support/score-rows';
import { removeFolder } from '../../../../support/service';

const FACTS = {
  model: 'm',
  version: '1',
  top: null,
  parameters: {},
  masks: false,
  hash: false,
  timings: true,
  shard: null,
  rows: null,
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'output-'));
});
afterEach(() => removeFolder(folder));

function open(
  format: RowFormat,
  existing: RowOutputOptions['existing'],
  more: Partial<RowOutputOptions> = {},
): Promise<RowOutput> {
  return RowOutput.open({
    file: path.join(folder, `rows.${format}`),
    format,
    facts: FACTS,
    existing,
    onResumed: () => undefined,
    ...more,
  });
}

async function rowsOf(format: RowFormat): Promise<ScoreRow[]> {
  const rows: ScoreRow[] = [];
  for await (const row of readRows(path.join(folder, `rows.${format}`))) rows.push(row);
  return rows;
}

async function appendAll(output: RowOutput, rows: readonly ScoreRow[]): Promise<void> {
  await Promise.all(rows.map((row) => output.append(row)));
}

describe.each<RowFormat>(['jsonl', 'csv'])('%s', (format) => {
  test('stopped, torn and resumed, it holds every row once', async () => {
    const [first, ...rest] = ODD_ROWS;
    const before = await open(format, 'resume');
    await appendAll(before, first === undefined ? [] : [first]);
    await before.close(false);
    await appendFile(path.join(folder, `rows.${format}`), '{"path":"torn, "');
    const resumed: ScoreRow[] = [];

    const after = await open(format, 'resume', { onResumed: (row) => resumed.push(row) });
    await appendAll(after, rest);
    await after.close(true);

    expect(resumed).toEqual([first]);
    expect(after.done.size).toBe(ODD_ROWS.length);
    expect(await rowsOf(format)).toEqual(ODD_ROWS);
    expect((await readdir(folder)).sort()).toEqual([`rows.${format}`, `rows.${format}.run.json`]);
  });

  test('what is there is not touched without being told so', async () => {
    const before = await open(format, 'refuse');
    await appendAll(before, ODD_ROWS);
    await before.close(true);

    await expect(open(format, 'refuse')).rejects.toMatchObject({ reason: 'usage' });
    expect(await rowsOf(format)).toEqual(ODD_ROWS);

    const anew = await open(format, 'overwrite');
    await anew.close(true);
    expect(await rowsOf(format)).toEqual([]);
  });
});

describe('a file whose columns are others', () => {
  const older = 'path,root,status,label\n';

  test('is refused in CSV, and stays as it is', async () => {
    const before = await open('csv', 'refuse');
    await before.close(false);
    const file = path.join(folder, 'rows.csv');
    const text = `${older}a.png,photos,ok,cat\nb.png,pho`;
    await writeFile(file, text);

    const refused = open('csv', 'resume');

    await expect(refused).rejects.toMatchObject({ reason: 'usage' });
    await expect(refused).rejects.toThrow(
      /rows\.csv cannot be resumed: its columns are path,root,status,label, and this version writes path,path_encoding,.*,total_ms\. Finish it with the version that began it, begin anew with --overwrite, or choose another --output$/,
    );
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  test('is begun anew in CSV where it ends within its header', async () => {
    const before = await open('csv', 'refuse');
    await before.close(false);
    await writeFile(path.join(folder, 'rows.csv'), 'path,root,sta');

    const after = await open('csv', 'resume');
    await appendAll(after, ODD_ROWS);
    await after.close(true);

    expect(await rowsOf('csv')).toEqual(ODD_ROWS);
  });

  test.each<RowFormat>(['jsonl', 'parquet'])(
    'is resumed in %s, whose rows name their members, unless they are not rows',
    async (format) => {
      const [first, ...rest] = ODD_ROWS;
      const begun = await open(format, 'refuse');
      await appendAll(begun, first === undefined ? [] : [first]);
      await begun.close(false);
      const grows = path.join(
        folder,
        format === 'jsonl' ? 'rows.jsonl' : 'rows.parquet.rows.jsonl',
      );
      const rows = await readFile(grows, 'utf8');
      await writeFile(grows, older + rows);

      await expect(open(format, 'resume')).rejects.toMatchObject({
        reason: 'usage',
        message: `${grows} cannot be resumed`,
        cause: { message: expect.stringContaining('line 1, is not a row') as unknown },
      });
      // A member that this version does not write.
      await writeFile(grows, rows.replace('{', '{"added_later":1,'));
      const after = await open(format, 'resume');
      await appendAll(after, rest);
      // Parquet itself is made of these rows, as they are read here, at the end.
      await after.close(false);

      expect(after.done.size).toBe(ODD_ROWS.length);
      const found: ScoreRow[] = [];
      for await (const row of readRows(grows)) found.push(row);
      expect(found).toEqual([{ ...first, added_later: 1 }, ...rest]);
    },
  );
});

test('rows of another model or with other options are not mixed in', async () => {
  const before = await open('jsonl', 'refuse');
  await appendAll(before, ODD_ROWS);
  await before.close(false);

  const refused = open('jsonl', 'resume', { facts: { ...FACTS, version: '2', top: 3 } });

  await expect(refused).rejects.toThrow('version was "1" and is "2", top was null and is 3');
});

test('the facts say how many rows there are once all are there', async () => {
  const output = await open('jsonl', 'refuse');
  await appendAll(output, ODD_ROWS);
  await output.close(true);

  const facts = JSON.parse(
    await readFile(path.join(folder, 'rows.jsonl.run.json'), 'utf8'),
  ) as object;
  expect(facts).toMatchObject({ rows: ODD_ROWS.length, model: 'm' });
});

test('a full disk ends the run with its reason', async () => {
  const refused = open('csv', 'refuse', { file: '/dev/full' });

  await expect(refused).rejects.toMatchObject({
    reason: 'outputFailed',
    message: '/dev/full cannot be written: there is no space left',
  });
});

test('a folder that does not exist ends the run with its reason', async () => {
  const file = path.join(folder, 'nowhere/rows.jsonl');

  await expect(open('jsonl', 'refuse', { file })).rejects.toMatchObject({ reason: 'outputFailed' });
});

test('one run at a time writes an output; what a dead one left is taken over', async () => {
  const file = path.join(folder, 'rows.jsonl');
  await appendFile(`${file}.lock`, '1');
  expect(() => lockOutput(file)).toThrow('is being written by process 1');

  await removeFolder(`${file}.lock`);
  await appendFile(`${file}.lock`, '4194999');
  const release = lockOutput(file);
  release();

  expect(await readdir(folder)).toEqual([]);
});
