import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { readRuntimeInstall } from '../../../src/runtime/runtime-install';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'install-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('what set-up put in place is read from its file', () => {
  const install = {
    variant: 'cpu',
    tensorflowVersion: '2.15.0',
    platform: 'linux-x64',
    cachePath: '/cache',
  };
  const file = path.join(folder, 'runtime.json');
  writeFileSync(file, JSON.stringify(install));

  expect(readRuntimeInstall([file])).toEqual(install);
});

test.each(['', '{"variant":'])('it is unknown where the file holds %j', (content) => {
  const file = path.join(folder, 'runtime.json');
  writeFileSync(file, content);

  expect(readRuntimeInstall([file])).toBeUndefined();
});

test('it is unknown where there is no file', () => {
  expect(readRuntimeInstall([path.join(folder, 'runtime.json')])).toBeUndefined();
});

test('the next place counts where the first holds nothing', () => {
  const file = path.join(folder, 'runtime.json');
  writeFileSync(file, '{"variant":"cpu"}');

  expect(readRuntimeInstall([path.join(folder, 'missing.json'), file])).toEqual({ variant: 'cpu' });
});
