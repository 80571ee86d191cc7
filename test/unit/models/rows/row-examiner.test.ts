import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { INDEPENDENT, together } from '../../../../src/kernel/rows-verdict';
import { RowExaminer, type Examine } from '../../../../src/models/rows/row-examiner';
import { readSignatures } from '../../../../src/saved-model/signatures';
import { FIXTURES } from '../../../support/service';

const MODEL = path.join(FIXTURES, 'models/half_plus_two/1');

let folder: string;
let asked: number;
let examine: Examine;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'row-examiner-'));
  asked = 0;
  examine = ({ signatures }) => {
    asked += 1;
    return Promise.resolve(Object.fromEntries(signatures.map((name) => [name, INDEPENDENT])));
  };
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function verdicts(
  source = MODEL,
  options: { cacheDirectory?: string; runtime?: string } = {},
) {
  const examiner = new RowExaminer({
    cacheDirectory: path.join(folder, 'rows'),
    timeoutMs: 1000,
    runtime: '2.0.0 cpu',
    examine,
    ...options,
  });
  const { signatures } = await readSignatures(source);
  return examiner.examine({ source, loaded: source, signatures });
}

test('what was found out is remembered, for the same files and the same TensorFlow', async () => {
  const first = await verdicts();
  const second = await verdicts();
  expect(asked).toBe(1);
  expect(first.get('serving_default')).toEqual(INDEPENDENT);
  expect(second.get('serving_default')?.independent).toBe(true);

  await verdicts(MODEL, { runtime: '3.0.0 cpu' });
  await verdicts(path.join(FIXTURES, 'models/half_plus_three/1'));
  expect(asked).toBe(3);
});

test('an examination that ends badly is told, and made again', async () => {
  examine = () => {
    asked += 1;
    return Promise.reject(new Error('the process ended with SIGABRT'));
  };
  const found = await verdicts();
  await verdicts();

  expect(found.get('serving_default')).toEqual(
    together('it could not be examined: the process ended with SIGABRT'),
  );
  expect(asked).toBe(2);
});

test('a cache that is damaged or cannot be written costs an examination, and nothing else', async () => {
  await verdicts();
  const [record = ''] = await readdir(path.join(folder, 'rows'));
  await writeFile(path.join(folder, 'rows', record), '{"serving_def');
  await verdicts();
  expect(asked).toBe(2);

  const file = path.join(folder, 'a file');
  await writeFile(file, '');
  await chmod(file, 0o400);
  const found = await verdicts(MODEL, { cacheDirectory: file });
  expect(found.get('serving_default')?.independent).toBe(true);
});

test('a model without open first dimensions is not examined', async () => {
  const examiner = new RowExaminer({ cacheDirectory: folder, timeoutMs: 1, runtime: '', examine });

  expect(await examiner.examine({ source: MODEL, loaded: MODEL, signatures: {} })).toEqual(
    new Map(),
  );
  expect(asked).toBe(0);
});
