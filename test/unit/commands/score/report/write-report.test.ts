import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import sharp from 'sharp';

import { picturePath } from '../../../../../src/commands/score/report/picture-path';
import {
  writeReport,
  type ReportOptions,
} from '../../../../../src/commands/score/report/write-report';
import type { ScoreRow } from '../../../../../src/commands/score/rows/score-row';
import { classColour } from '../../../../../src/tasks/class-colours';
import { card } from '../../../../support/pictures';
import { failed, generate, scored } from '../../../../support/report-rows';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'report-'));
  const bytes = await card().png().toBuffer();
  for (const name of ['a.png', 'b.png', 'c.png']) await writeFile(path.join(folder, name), bytes);
});
afterEach(() => rm(folder, { recursive: true }));

const report = (rows: readonly ScoreRow[], options: Partial<ReportOptions> = {}) =>
  writeReport({ rows: () => generate(rows), target: path.join(folder, 'report.html'), ...options });
const page = () => readFile(path.join(folder, 'report.html'), 'utf8');
const inRoot = (name: string) => scored(name, undefined, folder);

async function pageData(): Promise<any> {
  const [, json = ''] = /id="data">(.*?)<\/script>/s.exec(await page()) ?? [];
  return JSON.parse(json);
}

test('counts, accuracy and confusion are of every row', async () => {
  const labels = path.join(folder, 'labels.csv');
  await writeFile(labels, 'file,class_index\na.png,0\nb.png,1\nc.png,1\nx.png,1\nbad.png,0\n');
  const cat = [0, 'cat', 0.6] as const;
  const dog = [1, 'dog', 0.3] as const;

  const { totals } = await report(
    [
      scored('a.png', [cat, dog]),
      scored('b.png', [cat, dog]),
      scored('c.png', [dog, cat]),
      scored('x.png', [cat, [2, 'owl', 0.1]]),
      scored('unlabelled.png', [cat, dog]),
      failed('bad.png'),
      failed('other.png', 'FILE_VANISHED'),
    ],
    { labelsFile: labels },
  );

  expect(totals).toMatchObject({ rows: 7, classified: 5, failed: 2 });
  expect(totals.errorCodes).toEqual([
    ['FILE_VANISHED', 1],
    ['UNDECODABLE_IMAGE', 1],
  ]);
  expect(totals.accuracy).toMatchObject({
    labelled: 4,
    unlabelled: 1,
    failed: 1,
    top1: 2,
    k: 2,
    topK: 3,
  });
  const name = (id: number) => totals.classes[id]?.name;
  expect(
    totals.accuracy?.confusion.map(([actual, predicted, count]) => [
      name(actual),
      name(predicted),
      count,
    ]),
  ).toEqual([
    ['cat', 'cat', 1],
    ['dog', 'cat', 2],
    ['dog', 'dog', 1],
  ]);
});

test('labels by name are compared without regard to case', async () => {
  const labels = path.join(folder, 'labels.csv');
  await writeFile(labels, 'file,label\na.png,Cat\n');

  const { totals } = await report([inRoot('a.png')], { labelsFile: labels });

  expect(totals.accuracy).toMatchObject({ labelled: 1, top1: 1 });
});

test('hostile names and labels cannot leave the data they stand in', async () => {
  const hostile = '</script><img src=x onerror=alert(1)><!--\u2028';

  await report([scored(hostile, [[0, hostile, 0.5]]), failed(hostile, 'CODE', hostile)]);

  const html = await page();
  expect(html).not.toContain('<img src=x');
  expect(html.match(/<\/script>/g)).toHaveLength(2);
  const data = await pageData();
  expect([data.rows[0].p, data.classes[0][0], data.errors[0][3]]).toEqual(Array(3).fill(hostile));
});

test('thumbnails stand in the page up to the limit, above it in a folder beside it', async () => {
  const rows = ['a.png', 'b.png', 'c.png'].map(inRoot);

  const inside = await report(rows);
  expect(inside).toMatchObject({ thumbnails: 3, withoutThumbnail: 0, folder: undefined });
  expect(await readdir(folder)).not.toContain('report_files');

  const beside = await report(rows, { inlineLimit: 100 });
  expect(beside.folder).toMatch(/^report_files\/thumbnails-[0-9a-f]{12}$/);
  expect(await readdir(path.join(folder, beside.folder ?? '', '0'))).toHaveLength(3);
  expect((await pageData()).folder).toBe(beside.folder);
});

test('a new page takes the thumbnails of the old one away and leaves other files', async () => {
  const rows = [inRoot('a.png')];
  await report(rows, { inlineLimit: 0 });
  await writeFile(path.join(folder, 'report_files', 'notes.txt'), 'mine');

  await report(rows);

  expect(await readdir(path.join(folder, 'report_files'))).toEqual(['notes.txt']);
});

test('the images of a long list are a sample that does not depend on the order', async () => {
  const rows = Array.from({ length: 50 }, (_, at) => scored(`${at}.png`));

  await report(rows, { listLimit: 10 });
  const first = (await pageData()).rows.map((row: any) => row.p).sort();
  const { totals } = await report([...rows].reverse(), { listLimit: 10 });
  const second = (await pageData()).rows.map((row: any) => row.p).sort();

  expect(totals.rows).toBe(50);
  expect(first).toHaveLength(10);
  expect(second).toEqual(first);
});

test('an image that is gone or is a folder has no thumbnail and stops nothing', async () => {
  await mkdir(path.join(folder, 'folder.png'));

  const summary = await report(['gone.png', 'folder.png', 'a.png'].map(inRoot));

  expect(summary).toMatchObject({ listed: 3, thumbnails: 1, withoutThumbnail: 2 });
});

test('a report that is stopped leaves the page as it was and nothing else', async () => {
  await report([inRoot('a.png')]);
  const before = [await page(), await readdir(folder)];
  const stop = new AbortController();

  const writing = report(['a.png', 'b.png', 'c.png'].map(inRoot), {
    inlineLimit: 0,
    signal: stop.signal,
    onProgress: ({ phase, done }) => {
      if (phase === 'thumbnails' && done === 2) stop.abort();
    },
  });

  await expect(writing).rejects.toThrow(/aborted/);
  expect(await page()).toBe(before[0]);
  expect((await readdir(folder)).filter((name) => name !== 'report_files')).toEqual(before[1]);
  expect(await readdir(path.join(folder, 'report_files'))).toEqual([]);
});

test.each(['../secret.png', '/etc/secret.png', 'a/../../secret.png', 'a\0b'])(
  'a row cannot point outside its root: %j',
  (file) => {
    expect(picturePath('/photos', { path: file })).toBeUndefined();
  },
);

test('escaped paths become the bytes they stand for, but never a way out', () => {
  expect(picturePath('/photos', { path: 'b%FFd%25.png', pathEncoding: 'percent' })).toEqual(
    Buffer.from('/photos/b\xFFd%.png', 'latin1'),
  );
  expect(picturePath('/photos', { path: '%2E%2E/x.png', pathEncoding: 'percent' })).toBeUndefined();
});

describe('each task is shown as it says itself', () => {
  const row = (members: object, name = 'a.png'): ScoreRow => ({
    path: name,
    root: folder,
    model: 'toy',
    version: '1',
    status: 'ok',
    ...members,
  });

  test('found things with boxes, in pixels of the image', async () => {
    const box = { xmin: 4, ymin: 6, xmax: 30, ymax: 40 };
    const cat = { label: 'cat', index: 3, score: 0.9, box };

    await report([
      row({ detections: [cat, { ...cat, score: 0.4 }] }),
      row({ detections: [] }, 'b.png'),
    ]);

    const { rows, classes, totals } = await pageData();
    expect(rows[0]).toMatchObject({
      s: [[0, 0.9]],
      f: [
        { c: 0, s: 0.9, b: [4, 6, 30, 40] },
        { c: 0, s: 0.4 },
      ],
      z: [64, 48],
    });
    expect(rows[1]).toMatchObject({ s: [], f: [] });
    expect(classes).toEqual([['cat', 3, 1, 0, 0, 0.9]]);
    expect(totals).toMatchObject({ scored: 2, classified: 0 });
  });

  test('segments with their share, and their masks in one picture', async () => {
    const raw = (bright: (x: number) => boolean): Buffer =>
      Buffer.from(Array.from({ length: 64 * 48 }, (_, at) => (bright(at % 64) ? 255 : 0)));
    const mask = (name: string, bright: (x: number) => boolean): Promise<unknown> =>
      sharp(raw(bright), { raw: { width: 64, height: 48, channels: 1 } })
        .toColourspace('b-w')
        .png()
        .toFile(path.join(folder, name));
    await mask('left.png', (x) => x < 32);
    await mask('most.png', (x) => x < 48);
    const segments = [
      { label: 'cat', index: 3, area: 1536, mask: 'left.png' },
      { label: 'sky', index: 5, area: 2304, mask: 'most.png' },
      { label: 'gone', index: 6, area: 3, mask: '../outside.png' },
    ];

    await report([row({ width: 64, height: 48, segments })], { outDir: folder });

    const { rows, classes } = await pageData();
    expect(rows[0].f).toMatchObject([{ a: 0.5, m: 'left.png' }, { a: 0.75 }, {}]);
    expect(classes[0]).toEqual(['cat', 3, 1, 0, 0, null]);
    const [, json = ''] = /class="thumbnails">(.*?)<\/script>/s.exec(await page()) ?? [];
    const overlay = Buffer.from(JSON.parse(json)[rows[0].m], 'base64');
    const pixels = await sharp(overlay).raw().toBuffer();
    const at = (x: number): number[] => [...pixels.subarray(x * 4, x * 4 + 4)];
    expect([at(0), at(40), at(60)[3]]).toEqual([
      [...classColour(3), 255],
      [...classColour(5), 255],
      0,
    ]);
  });

  test('a vector as words and a curve', async () => {
    await report([row({ embedding: Array.from({ length: 128 }, (_, i) => (i < 64 ? 1 : -1)) })]);

    const { rows } = await pageData();
    expect(rows[0].v).toBe('128 numbers, length 11.31: 1.00, 1.00, 1.00, 1.00, …');
    expect(rows[0].c).toEqual([...new Array(32).fill(1), ...new Array(32).fill(-1)]);
    expect(rows[0]).not.toHaveProperty('s');
  });
});
