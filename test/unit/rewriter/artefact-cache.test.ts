import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { ArtefactCache } from '../../../src/rewriter/artefact-cache';

const REPORT = {
  variables: 1,
  nodesBefore: 2,
  nodesAfter: 1,
  weights: 'constants' as const,
  maxRelativeDifference: 0,
};

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'artefacts-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(cache: ArtefactCache, key: string, bytes: number): Promise<void> {
  const prepared = await cache.begin();
  await writeFile(path.join(prepared, 'saved_model.pb'), Buffer.alloc(bytes));
  await cache.commit(key, prepared, { kind: 'rewritten', report: REPORT });
}

test('above the limit the entry used least recently goes', async () => {
  const cache = new ArtefactCache(folder, 250);
  await put(cache, 'a', 100);
  await put(cache, 'b', 100);
  await utimes(path.join(folder, 'b'), 1000, 1000);

  await put(cache, 'c', 100);

  expect((await readdir(folder)).sort()).toEqual(['a', 'c']);
});

test('the entry that was just made stays, however large', async () => {
  const cache = new ArtefactCache(folder, 10);

  await put(cache, 'a', 100);

  expect(await cache.find('a')).toMatchObject({ kind: 'rewritten', report: REPORT });
});

test('what another process has made of the same model is taken', async () => {
  const cache = new ArtefactCache(folder, 1000);
  const late = await cache.begin();
  await writeFile(path.join(late, 'saved_model.pb'), 'late');
  await put(cache, 'a', 5);

  const taken = await cache.commit('a', late, { kind: 'rewritten', report: REPORT });

  expect(taken).toMatchObject({ directory: path.join(folder, 'a') });
  expect(await readdir(folder)).toEqual(['a']);
});

test('an unfinished folder left by a process that died goes after a day, not before', async () => {
  const cache = new ArtefactCache(folder, 1000);
  const dead = await cache.begin();
  const alive = await cache.begin();
  await utimes(dead, 1000, 1000);

  await put(cache, 'a', 5);

  expect((await readdir(folder)).sort()).toEqual(['a', path.basename(alive)]);
});
