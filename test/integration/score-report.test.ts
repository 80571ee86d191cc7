import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { FIXTURES, removeFolder, SHIPPED } from '../support/service';

const SCORER = path.resolve(__dirname, '../../dist/commands/score/main.js');
const PHOTOS = path.join(FIXTURES, 'photos');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'score-report-'));
});
afterEach(() => removeFolder(folder));

function score(...args: readonly string[]): Promise<{ code: number; text: string }> {
  const env = {
    ...process.env,
    TFJS_SERVING_MODEL_REPOSITORY: SHIPPED,
    TFJS_SERVING_INSTANCES: '1',
  };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [SCORER, ...args],
      { cwd: folder, env },
      (_, out, err) => {
        resolve({ code: child.exitCode ?? -1, text: out + err });
      },
    );
  });
}

async function pageData(file: string): Promise<any> {
  const page = await readFile(path.join(folder, file), 'utf8');
  const [, json = ''] = /id="data">(.*?)<\/script>/s.exec(page) ?? [];
  return JSON.parse(json);
}

const CLASSIFY = ['--model', 'efficientnet-lite0', '--output', 'scores.csv'];

test('a run writes its report, and the report command makes the same from the rows', async () => {
  await writeFile(path.join(folder, 'labels.csv'), 'file,label\ncoffee.jpg,espresso\n');
  const report = ['--labels', 'labels.csv'];

  const run = await score(PHOTOS, ...CLASSIFY, '--report', 'run.html', ...report);
  expect(run).toMatchObject({ code: 0, text: expect.stringContaining('top-1 1 of 1') });
  const again = await score('report', 'scores.csv', '--out', 'again.html', ...report);
  expect(again.code).toBe(0);

  const made = await pageData('run.html');
  expect(made.rows).toHaveLength(5);
  expect(made.rows.every((row: any) => Number.isInteger(row.n))).toBe(true);
  expect(await pageData('again.html')).toEqual({ ...made, created: expect.any(String) });
});

test('the report of generated pictures has what they were made from', async () => {
  const run = await score(
    path.join(PHOTOS, 'rocket.jpg'),
    ...['--model', 'span-x2', '--out-dir', 'larger', '--report', 'report.html'],
  );

  expect(run.code).toBe(0);
  const { rows } = await pageData('report.html');
  expect(rows).toEqual([expect.objectContaining({ n: 0, b: 1 })]);
});

test('a report that cannot be written leaves the scores and says how to try again', async () => {
  const run = await score(PHOTOS, ...CLASSIFY, '--report', 'nowhere/report.html');

  expect(run.code).toBe(7);
  expect(run.text).toContain('tfjs-serving report scores.csv --out nowhere/report.html');
  expect((await readFile(path.join(folder, 'scores.csv'), 'utf8')).trim().split('\n')).toHaveLength(
    6,
  );
});

test('a labels file that cannot be used is named before anything is scored', async () => {
  await writeFile(path.join(folder, 'labels.csv'), 'file,class_index\na.jpg,cat\n');

  const run = await score(PHOTOS, ...CLASSIFY, '--report', 'r.html', '--labels', 'labels.csv');

  expect(run.code).toBe(2);
  expect(run.text).toContain('line 2: the class index is a whole number from 0, given "cat"');
  expect(await readdir(folder)).toEqual(['labels.csv']);
});
