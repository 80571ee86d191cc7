import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import sharp from 'sharp';

import { readRows } from '../../src/commands/score/rows/read-rows';
import type { Service } from '../../src/compose';
import { sorted } from '../support/score-rows';
import { removeFolder, startTestService } from '../support/service';
import { writeDetector, writeEncoder, writeSegmenter } from '../support/task-models';

/** Folders scored with a model of each task; what is right is known from how the picture is drawn. */

const SCORER = path.resolve(__dirname, '../../dist/commands/score/main.js');
const BOX = { xmin: 96, ymin: 32, xmax: 144, ymax: 96 };

let folder: string;
let service: Service;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'score-tasks-'));
  const at = (name: string): string => path.join(folder, 'models', name);
  const input = { kernel: 'nearest', fit: 'fill' };
  await writeDetector(at('detector'), 64, { input });
  await writeSegmenter(at('segmenter'), 64, { input });
  await writeEncoder(at('encoder'), 64, { input });
  await mkdir(path.join(folder, 'in/deep'), { recursive: true });
  const { xmin: left, ymin: top, xmax, ymax } = BOX;
  const white = {
    width: xmax - left,
    height: ymax - top,
    channels: 3,
    background: '#fff',
  } as const;
  await sharp({ create: { width: 256, height: 128, channels: 3, background: '#000' } })
    .composite([{ input: { create: white }, left, top }])
    .png()
    .toFile(path.join(folder, 'in/deep/box.png'));
  await writeFile(path.join(folder, 'in/broken.png'), 'no image');
  service = await startTestService({ modelRepository: path.join(folder, 'models') });
}, 120_000);
afterAll(async () => {
  await service.stop();
  await removeFolder(folder);
});

function score(...args: readonly string[]): Promise<{ code: number; text: string }> {
  const env = {
    ...process.env,
    TFJS_SERVING_MODEL_REPOSITORY: path.join(folder, 'models'),
    TFJS_SERVING_INSTANCES: '1',
    TFJS_SERVING_OPTIMIZE: 'false',
  };
  return new Promise((resolve) => {
    const command = [SCORER, ...args];
    const child = execFile(process.execPath, command, { cwd: folder, env }, (_, out, err) => {
      resolve({ code: child.exitCode ?? -1, text: out + err });
    });
  });
}

async function rowsOf(file: string): Promise<any[]> {
  const rows = [];
  for await (const row of readRows(path.join(folder, file))) rows.push(row);
  return sorted(rows);
}

const TASKS = [
  ['detector', ['--param', 'threshold=0.8'], { detections: [{ index: 1, score: 1, box: BOX }] }],
  ['segmenter', ['--out-dir', 'masks'], { width: 256, height: 128, segments: [{ index: 0 }] }],
  ['encoder', [], { embedding: [0.09375, 0.09375, 0.09375] }],
] as const;

describe.each(TASKS)('%s', (model, flags, expected) => {
  const run = (output: string, ...more: readonly string[]) =>
    score('in', '--model', model, ...flags, '--no-timings', '--output', output, ...more);

  test('in this process and through a server: the same rows, in any format and back', async () => {
    const local = await run(`${model}.jsonl`);
    const remote = await run(`${model}.csv`, '--server', service.url);
    const parquet = await score('merge', `${model}.parquet`, `${model}.csv`);
    const back = await score('merge', `${model}-back.jsonl`, `${model}.parquet`);

    expect([local, remote, parquet, back].map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const [failed, found] = await rowsOf(`${model}.jsonl`);
    expect(failed).toMatchObject({ path: 'broken.png', status: 'error' });
    expect(found).toMatchObject({ path: 'deep/box.png', status: 'ok', ...expected });
    for (const other of [`${model}.csv`, `${model}-back.jsonl`]) {
      expect(await rowsOf(other)).toEqual([failed, found]);
    }
  });

  test('what was begun with other options is not resumed', async () => {
    const first = await run(`${model}-resumed.jsonl`);
    const same = await run(`${model}-resumed.jsonl`, '--resume');
    const change: Readonly<Record<string, readonly string[]>> = {
      detector: ['--param', 'threshold=0.5'],
      segmenter: [],
      encoder: ['--param', 'normalize=true'],
    };
    const other = ['--model', model, ...(change[model] ?? [])];
    const refused = await score(
      'in',
      ...other,
      '--no-timings',
      '--resume',
      '--output',
      `${model}-resumed.jsonl`,
    );

    expect([first.code, same.code, refused.code]).toEqual([0, 0, 2]);
    expect(refused.text).toMatch(/parameters was|masks was/);
  });

  test('the report has what was found', async () => {
    const { code } = await run(`${model}-seen.jsonl`, '--report', `${model}.html`);

    expect(code).toBe(0);
    const page = await readFile(path.join(folder, `${model}.html`), 'utf8');
    const [, json = ''] = /id="data">(.*?)<\/script>/s.exec(page) ?? [];
    const { totals, rows } = JSON.parse(json);
    expect(totals).toMatchObject({ rows: 2, scored: 1, failed: 1 });
    const shown = {
      detector: { s: [[0, 1]], f: [{ c: 0, s: 1, b: [96, 32, 144, 96] }] },
      segmenter: {
        f: [
          {
            c: 0,
            s: expect.closeTo(0.972, 2),
            a: expect.closeTo(0.094, 2),
            m: 'deep/box.png.0.png',
          },
        ],
      },
      encoder: { v: '3 numbers, length 0.1624: 0.0938, 0.0938, 0.0938' },
    }[model];
    expect(rows).toEqual([expect.objectContaining({ ...shown, n: 0 })]);
  });
});

test('masks are files in a tree like that of the inputs, and named in the rows', async () => {
  const { code } = await score(
    'in',
    '--model',
    'segmenter',
    '--out-dir',
    'kept',
    '--output',
    'kept.jsonl',
  );

  expect(code).toBe(0);
  const [, row] = await rowsOf('kept.jsonl');
  expect(row.segments[0].mask).toBe('deep/box.png.0.png');
  expect(await readdir(path.join(folder, 'kept'), { recursive: true })).toEqual([
    'deep',
    'deep/box.png.0.png',
  ]);
  const mask = path.join(folder, 'kept', row.segments[0].mask);
  expect(await sharp(mask).metadata()).toMatchObject({ width: 256, height: 128 });
});

test('CSV has the best class and the count in columns', async () => {
  const { code } = await score('in/deep', '--model', 'detector', '--output', 'columns.csv');

  expect(code).toBe(0);
  const [header = '', line = ''] = (await readFile(path.join(folder, 'columns.csv'), 'utf8')).split(
    '\n',
  );
  expect(header).toContain('label,index,score,count,');
  expect(line).toContain(',ok,1,1,1,2,');
});

test('parameters that are not the task’s, or out of range, are named', async () => {
  const wrong = await score('in', '--model', 'detector', '--param', 'render=true');
  const range = await score('in', '--model', 'detector', '--param', 'threshold=2');

  expect([wrong.code, range.code]).toEqual([2, 2]);
  expect(wrong.text).toContain(
    '--param render: folders are scored by object-detection with threshold',
  );
  expect(range.text).toContain('--param threshold: must be a number from 0 to 1');
});
