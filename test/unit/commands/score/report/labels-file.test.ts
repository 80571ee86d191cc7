import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { readLabelsFile } from '../../../../../src/commands/score/report/labels-file';
import { truthFinder } from '../../../../../src/commands/score/report/truth-finder';
import { failed, generate, scored } from '../../../../support/report-rows';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'labels-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function labelsOf(text: string) {
  const file = path.join(folder, 'labels.csv');
  await writeFile(file, text);
  return readLabelsFile(file);
}

test('a header names the columns; the class index is taken before the label', async () => {
  const labels = await labelsOf('file,class_index,synset,label\na.jpg,30,n1,bullfrog\n');

  expect(labels.by).toBe('index');
  expect(labels.entries).toEqual(
    new Map([['a.jpg', expect.objectContaining({ index: 30, name: 'bullfrog' })]]),
  );
});

test('without a header the first label decides between names and indexes', async () => {
  expect((await labelsOf('a.jpg,tabby cat\nb.jpg,7\n')).by).toBe('name');
  expect((await labelsOf('a.jpg,7\nb.jpg,8\n')).by).toBe('index');
});

test('quotes, a byte order mark and Windows line ends are read', async () => {
  const { entries } = await labelsOf('\uFEFFfile,label\r\n"a, b.jpg","great grey owl"\r\n');

  expect(entries).toEqual(
    new Map([['a, b.jpg', expect.objectContaining({ name: 'great grey owl' })]]),
  );
});

test('every bad line is named with the rule that it breaks', async () => {
  const reading = labelsOf('file,class_index\na.jpg,cat\nb.jpg,\n,3\nc.jpg,1\nc.jpg,2\nd.jpg,-1\n');

  await expect(reading).rejects.toThrow(
    [
      '  - line 2: the class index is a whole number from 0, given "cat"',
      '  - line 3: the class index is missing',
      '  - line 4: the file name is missing',
      '  - line 6: "c.jpg" has another label in line 5',
      '  - line 7: the class index is a whole number from 0, given "-1"',
    ].join('\n'),
  );
});

test('a quote that is never closed is an error of the file', async () => {
  await expect(labelsOf('file,label\na.jpg,"cat\nb.jpg,dog\n')).rejects.toThrow(/Quote Not Closed/);
});

test('an empty file and a missing one are refused by name', async () => {
  await expect(labelsOf('')).rejects.toThrow('it holds no labels');
  await expect(readLabelsFile('/nowhere/labels.csv')).rejects.toThrow(
    /\/nowhere\/labels.csv is not usable:\n {2}- it cannot be read: ENOENT/,
  );
});

test('a file is found by path, by root and path, and by its bare name', async () => {
  const labels = await labelsOf('file,label\nbirds/a.jpg,x\nphotos/birds/b.jpg,y\nc.jpg,z\n');
  const truth = await truthFinder(labels, () => generate([]));
  const name = (file: string) => truth(scored(file))?.name;

  expect(['birds/a.jpg', 'birds/b.jpg', 'birds/c.jpg', 'd.jpg'].map(name)).toEqual([
    'x',
    'y',
    'z',
    undefined,
  ]);
});

test('labels without file names go to the images in byte order of their paths', async () => {
  const rows = [scored('b.jpg'), failed('c.jpg'), scored('a.jpg')];
  const truth = await truthFinder(await labelsOf('class_index\n5\n6\n7\n'), () => generate(rows));

  expect(rows.map((row) => truth(row)?.index)).toEqual([6, 7, 5]);
});

test('labels without file names must be as many as the images', async () => {
  const finding = truthFinder(await labelsOf('5\n6\n'), () => generate([scored('a.jpg')]));

  await expect(finding).rejects.toThrow('one label for each image: 1 images, 2 labels');
});
