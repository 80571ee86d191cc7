import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { readRows } from '../../src/commands/score/rows/read-rows';
import { classesOf } from '../../src/commands/score/rows/row-classes';
import type { ScoreRow } from '../../src/commands/score/rows/score-row';
import { sorted } from '../support/score-rows';
import { FIXTURES, photo, removeFolder, SHIPPED, startTestService } from '../support/service';

const SCORER = path.resolve(__dirname, '../../dist/commands/score/main.js');
const PHOTOS = path.join(FIXTURES, 'photos');
const EXIT = {
  done: 0,
  usage: 2,
  tooManyErrors: 3,
  outputFailed: 4,
  engineFailed: 5,
  incomplete: 6,
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'score-'));
});
afterEach(() => removeFolder(folder));

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly text: string;
}

interface Running {
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
}

/** The program as it is built, in the test's own folder, with one instance unless told otherwise. */
function start(args: readonly string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [SCORER, ...args], {
    cwd: folder,
    env: {
      ...process.env,
      TFJS_SERVING_MODEL_REPOSITORY: SHIPPED,
      TFJS_SERVING_INSTANCES: '1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  return {
    kill: (signal) => child.kill(signal),
    ended: new Promise((resolve) => {
      child.once('close', (code, signal) => {
        resolve({ code, signal, text });
      });
    }),
  };
}

function score(...args: readonly string[]): Promise<Ended> {
  return start(args).ended;
}

async function rowsOf(file: string): Promise<ScoreRow[]> {
  const rows: ScoreRow[] = [];
  for await (const row of readRows(path.join(folder, file))) rows.push(row);
  return sorted(rows);
}

const CLASSIFY = ['--model', 'efficientnet-lite0'];
/** Rows that depend on nothing but the input: alone in its batch, an image has but one score. */
const EXACT = [...CLASSIFY, '--max-batch-size', '1', '--no-timings'];

test('in this process and through a server: the same rows', async () => {
  const service = await startTestService({
    modelRepository: SHIPPED,
    models: ['efficientnet-lite0'],
  });
  try {
    const [local, remote] = await Promise.all([
      score(
        PHOTOS,
        ...CLASSIFY,
        '--instances',
        '2',
        '--no-timings',
        '--hash',
        '--output',
        'local.jsonl',
      ),
      score(
        PHOTOS,
        ...CLASSIFY,
        '--no-timings',
        '--hash',
        '--output',
        'remote.jsonl',
        '--server',
        service.url,
      ),
    ]);

    expect([local, remote]).toMatchObject([{ code: EXIT.done }, { code: EXIT.done }]);
  } finally {
    await service.stop();
  }
  const [local, remote] = [await rowsOf('local.jsonl'), await rowsOf('remote.jsonl')];
  expect(local.length).toBe(
    (await readdir(PHOTOS)).filter((name) => /\.(jpg|png|webp)$/.test(name)).length,
  );
  for (const [index, row] of local.entries()) {
    const other = remote[index];
    if (other === undefined || row.status === 'error') {
      expect(row).toEqual(other);
      continue;
    }
    expect({ ...row, predictions: [] }).toEqual({ ...other, predictions: [] });
    const [first] = classesOf(row);
    const [otherFirst] = classesOf(other);
    expect(otherFirst?.index).toBe(first?.index);
    expect(otherFirst?.score).toBeCloseTo(first?.score ?? 0, 4);
  }
});

test('killed at any moment and resumed, it comes to the same rows', async () => {
  const inputs = path.join(folder, 'many');
  await mkdir(inputs);
  for (let copy = 0; copy < 45; copy++) {
    await symlink(photo('coffee.jpg'), path.join(inputs, `${copy}.jpg`));
  }
  await writeFile(path.join(inputs, 'broken.jpg'), 'no image');
  expect((await score(inputs, ...EXACT, '--output', 'whole.jsonl')).code).toBe(EXIT.done);

  let kills = 0;
  for (let rows = -1; ; kills++) {
    const run = start([inputs, ...EXACT, '--output', 'parts.jsonl', '--resume']);
    const over = { yes: false };
    void run.ended.then(() => (over.yes = true));
    // Killed once another dozen rows are there, in the midst of the next.
    while (!over.yes && (await linesOf('parts.jsonl')) < rows + 13) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    run.kill('SIGKILL');
    const { code } = await run.ended;
    if (code !== null) {
      expect(code).toBe(EXIT.done);
      break;
    }
    rows = await linesOf('parts.jsonl');
  }

  expect(kills).toBeGreaterThanOrEqual(2);
  const parts = await readFile(path.join(folder, 'parts.jsonl'), 'utf8');
  const whole = await readFile(path.join(folder, 'whole.jsonl'), 'utf8');
  expect(parts.split('\n').sort()).toEqual(whole.split('\n').sort());
});

async function linesOf(file: string): Promise<number> {
  const text = await readFile(path.join(folder, file), 'utf8').catch(() => '');
  return text.split('\n').length - 1;
}

test('every kind of fault is a row, and the rest is scored', async () => {
  const inputs = path.join(folder, 'mixed');
  await mkdir(inputs);
  const coffee = await readFile(photo('coffee.jpg'));
  await writeFile(path.join(inputs, 'good\nname.jpg'), coffee);
  await writeFile(
    Buffer.concat([Buffer.from(`${inputs}/`), Buffer.from([0xff]), Buffer.from('.jpg')]),
    coffee,
  );
  await writeFile(path.join(inputs, 'cut.jpg'), coffee.subarray(0, 20_000));
  await writeFile(path.join(inputs, 'text.png'), 'no image');
  await writeFile(path.join(inputs, 'empty.jpg'), '');
  await writeFile(path.join(inputs, 'large.jpg'), Buffer.alloc(200_001));
  await symlink('nowhere', path.join(inputs, 'gone.jpg'));
  await symlink('.', path.join(inputs, 'loop'));

  const { code, text } = await score(
    inputs,
    ...CLASSIFY,
    '--output',
    'rows.csv',
    '--max-file-bytes',
    '200000',
  );

  expect(code).toBe(EXIT.done);
  expect(text).toContain('loop leads back to a folder above it');
  const outcomes = (await rowsOf('rows.csv')).map((row) => [
    row.path,
    row.status === 'ok' ? row.status : row.error.code,
  ]);
  expect(Object.fromEntries(outcomes)).toEqual({
    'good\nname.jpg': 'ok',
    '%FF.jpg': 'ok',
    'cut.jpg': 'UNDECODABLE_IMAGE',
    'text.png': 'UNSUPPORTED_IMAGE_FORMAT',
    'empty.jpg': 'BAD_REQUEST',
    'large.jpg': 'FILE_TOO_LARGE',
    'gone.jpg': 'NOT_FOUND',
  });
});

test('pictures go into a tree like that of the inputs', async () => {
  const inputs = path.join(folder, 'in');
  await mkdir(path.join(inputs, 'deep'), { recursive: true });
  await cp(photo('coffee.jpg'), path.join(inputs, 'deep/coffee.jpg'));
  await writeFile(path.join(inputs, 'broken.jpg'), 'no image');
  const model = ['--model', 'span-x2'];

  const refused = await score(inputs, ...model);
  const { code } = await score(
    inputs,
    ...model,
    '--out-dir',
    'out',
    '--picture-format',
    'webp',
    '--output',
    'rows.jsonl',
  );

  expect(refused).toMatchObject({ code: EXIT.usage });
  expect(refused.text).toContain('--out-dir');
  expect(code).toBe(EXIT.done);
  const [broken, made] = await rowsOf('rows.jsonl');
  expect(broken).toMatchObject({ path: 'broken.jpg', status: 'error' });
  expect(made).toMatchObject({
    path: 'deep/coffee.jpg',
    output: { path: 'deep/coffee.jpg.webp', format: 'webp', width: 1200, height: 800 },
  });
  const files = await readdir(path.join(folder, 'out'), { recursive: true });
  expect(files.sort()).toEqual(['deep', 'deep/coffee.jpg.webp']);
});

test('shards together are the whole; what is missing or double is told', async () => {
  const shard = (index: number): Promise<Ended> =>
    start([PHOTOS, ...EXACT, '--shards', '2', '--output', 'part-{shard}.jsonl'], {
      JOB_COMPLETION_INDEX: String(index),
    }).ended;
  const [whole, ...parts] = await Promise.all([
    score(PHOTOS, ...EXACT, '--output', 'whole.jsonl'),
    shard(0),
    shard(1),
  ]);
  expect([whole, ...parts].map(({ code }) => code)).toEqual([0, 0, 0]);

  const [missing, double, merged, parquet] = await Promise.all([
    score('merge', 'a.jsonl', 'part-0.jsonl'),
    score('merge', 'b.jsonl', 'part-0.jsonl', 'part-0.jsonl', 'part-1.jsonl'),
    score('merge', 'merged.csv', 'part-0.jsonl', 'part-1.jsonl'),
    score('merge', 'merged.parquet', 'part-0.jsonl', 'part-1.jsonl'),
  ]);

  expect(missing).toMatchObject({ code: EXIT.incomplete, text: 'shard 1 of 2 is missing\n' });
  expect(double.code).toBe(EXIT.incomplete);
  expect(double.text).toContain('are both shard 0');
  expect([merged.code, parquet.code]).toEqual([EXIT.done, EXIT.done]);
  expect(await rowsOf('merged.csv')).toEqual(await rowsOf('whole.jsonl'));
  // Through Parquet and back.
  expect((await score('merge', 'back.jsonl', 'merged.parquet')).code).toBe(EXIT.done);
  expect(await rowsOf('back.jsonl')).toEqual(await rowsOf('whole.jsonl'));
});

test('Ctrl-C finishes what is under way and says how to go on', async () => {
  const inputs = path.join(folder, "it's many");
  await mkdir(inputs);
  for (let copy = 0; copy < 120; copy++) {
    await symlink(photo('coffee.jpg'), path.join(inputs, `${copy}.jpg`));
  }
  const args = [inputs, ...CLASSIFY, '--output', 'rows.parquet'];
  const run = start(args);
  while ((await linesOf('rows.parquet.rows.jsonl')) < 5) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }

  run.kill('SIGINT');
  const { code, text } = await run.ended;

  expect(code).toBe(130);
  expect(text).toMatch(/To continue:\n {2}tfjs-serving score '.*it'\\''s many'.* --resume/);
  const written = await linesOf('rows.parquet.rows.jsonl');
  expect(written).toBeLessThan(120);
  const { text: rest, code: end } = await score(...args, '--resume');
  expect(end).toBe(EXIT.done);
  expect(rest).toContain(`${written} inputs have their rows already`);
  expect(await readdir(folder)).toEqual(["it's many", 'rows.parquet', 'rows.parquet.run.json']);
});

test('faults of the run as a whole have their exit codes', async () => {
  const inputs = path.join(folder, 'broken');
  await mkdir(inputs);
  for (let copy = 0; copy < 100; copy++)
    await writeFile(path.join(inputs, `${copy}.jpg`), 'no image');
  await writeFile(path.join(folder, 'taken.jsonl'), 'something else\n');

  const ends = await Promise.all([
    score(inputs, ...CLASSIFY, '--max-errors', '3', '--output', 'few.jsonl'),
    score(inputs, ...CLASSIFY, '--output', 'taken.jsonl'),
    score(inputs, ...CLASSIFY, '--output', '/dev/full', '--format', 'jsonl'),
    score(inputs, ...CLASSIFY, '--output', 'taken.jsonl/rows.jsonl'),
    score(inputs, '--model', 'nobody', '--output', 'x.jsonl'),
    score(inputs, '--model', 'm', '--server', 'http://127.0.0.1:9', '--output', 'y.jsonl'),
    score(inputs, '--no-such-flag'),
    score('nowhere', ...CLASSIFY),
  ]);

  expect(ends.map(({ code }) => code)).toEqual([
    EXIT.tooManyErrors,
    EXIT.usage,
    EXIT.outputFailed,
    EXIT.outputFailed,
    EXIT.engineFailed,
    EXIT.engineFailed,
    EXIT.usage,
    EXIT.usage,
  ]);
  expect(ends[2].text).toContain('/dev/full cannot be written: there is no space left');
  expect(await readFile(path.join(folder, 'taken.jsonl'), 'utf8')).toBe('something else\n');
  // Few more than allowed: those that were under way.
  expect(await linesOf('few.jsonl')).toBeLessThan(50);
});

test('what would be scored can be listed', async () => {
  const { code, text } = await score(PHOTOS, '--dry-run');

  expect(code).toBe(EXIT.done);
  expect(text.split('\n')).toContain(photo('coffee.jpg'));
});
