import { execFile } from 'node:child_process';
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { makeRepository, removeFolder, toy, type TestModel } from '../support/service';

const DOCTOR = path.resolve(__dirname, '../../dist/commands/doctor.js');

let repository: string | undefined;
let cache: string | undefined;

afterEach(async () => {
  if (repository !== undefined) await removeFolder(repository);
  if (cache !== undefined) await removeFolder(cache);
});

async function prepare(models: Readonly<Record<string, TestModel>>): Promise<string> {
  repository = await makeRepository(models);
  cache = await makeRepository({});
  return repository;
}

function doctor(...args: readonly string[]): Promise<{ code: number; text: string }> {
  const options = ['--model-repository', repository ?? '', '--cache', cache ?? '', ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, [DOCTOR, ...options], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, text: stdout + stderr });
    });
  });
}

test('every model is loaded and run once, as the server would', async () => {
  await prepare({
    half: toy('half_plus_two', { warmup: { enabled: false } }),
    table: toy('lookup_table'),
    lost: toy('lost_variables'),
  });

  const { code, text } = await doctor();

  expect(text).toMatch(/half\n(.*\n){2} {6}loaded and run on the CPU in .* s, rewritten\n/);
  expect(text).toMatch(/table\n(.*\n){2} {6}loaded and run .*, as it is: it has a lookup table/);
  expect(text).toMatch(/lost\n(.*\n){2} {6}loaded and run .*, repaired: the SavedModel does not/);
  expect(text).toMatch(/Everything is in order\.\n$/);
  expect(code).toBe(0);
});

test('what cannot be served is named with its reason, and the others are looked at', async () => {
  const folder = await prepare({
    cut_off: toy('half_plus_two'),
    half: toy('half_plus_two', { optimize: false }),
    without_variables: toy('half_plus_two'),
    lost: toy('lost_variables', { optimize: false }),
  });
  const graph = path.join(folder, 'cut_off/1/saved_model.pb');
  await truncate(graph, Math.floor((await readFile(graph)).length / 2));
  await rm(path.join(folder, 'without_variables/1/variables'), { recursive: true });
  await writeFile(path.join(folder, 'net.keras'), '');

  const { code, text } = await doctor(
    '--models',
    'cut_off,half,without_variables,lost,net.keras,typo',
  );

  expect(text).toMatch(/cut_off\n {4}PROBLEM: version 1: .* is not a SavedModel/);
  expect(text).toMatch(/half\n(.*\n){2} {6}loaded and run on the CPU/);
  expect(text).toMatch(/without_variables\n {4}PROBLEM: .*variables\/variables\.index/);
  expect(text).toMatch(
    /lost\n[^]*PROBLEM: version 1: the warm-up failed: .*Could not find variable/,
  );
  expect(text).toMatch(/net\.keras\n {4}PROBLEM: .*load_model/);
  expect(text).toMatch(/typo\n {4}PROBLEM: there is no folder "typo"/);
  expect(text).toMatch(/5 problem\(s\) found\.\n$/);
  expect(code).toBe(1);
});
