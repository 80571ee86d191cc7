import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { ModelOptimizer, type Rewrite } from '../../../src/rewriter/model-optimizer';
import type { RewriteAnswer, RewriteTask } from '../../../src/rewriter/rewrite-process';
import { FIXTURES } from '../../support/service';

const MODEL = path.join(FIXTURES, 'models/half_plus_two/1');
const REWRITTEN: RewriteAnswer = {
  kind: 'rewritten',
  report: {
    variables: 1,
    nodesBefore: 2,
    nodesAfter: 1,
    weights: 'constants',
    maxRelativeDifference: 0,
  },
};

let folder: string;
let tasks: RewriteTask[];
/** Told of a rewrite; what it gives is the answer. */
let answer: (task: RewriteTask, signal: AbortSignal | undefined) => Promise<RewriteAnswer>;
let problems: string[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'model-optimizer-'));
  tasks = [];
  problems = [];
  answer = async ({ target }) => {
    await mkdir(target, { recursive: true });
    await writeFile(path.join(target, 'saved_model.pb'), 'rewritten');
    return REWRITTEN;
  };
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const rewrite: Rewrite = (task, _timeoutMs, signal) => {
  tasks.push(task);
  return answer(task, signal);
};

function optimizerOf(cacheDirectory = path.join(folder, 'cache')): ModelOptimizer {
  return new ModelOptimizer({
    cacheDirectory,
    fallbackDirectory: () => path.join(folder, 'fallback'),
    cacheMaxBytes: 2 ** 30,
    timeoutMs: 1000,
    runtime: 'a TensorFlow',
    device: 'cpu',
    onCacheProblem: (reason) => problems.push(reason),
    rewrite,
  });
}

test('what was rewritten once is found again, by another server too', async () => {
  const first = await optimizerOf().optimize(MODEL);
  const second = await optimizerOf().optimize(MODEL);

  expect(tasks).toHaveLength(1);
  expect(first).toMatchObject({ state: 'optimized', cached: false });
  expect(second).toEqual({ ...first, cached: true });
  expect(
    first.state === 'optimized' && existsSync(path.join(first.directory, 'saved_model.pb')),
  ).toBe(true);
});

test('several that ask for the same model wait for one rewrite', async () => {
  const optimizer = optimizerOf();

  const all = await Promise.all([1, 2, 3].map(() => optimizer.optimize(MODEL)));

  expect(tasks).toHaveLength(1);
  expect(new Set(all.map((one) => JSON.stringify(one))).size).toBe(1);
});

test('what is wanted of a rewrite tells it from another', async () => {
  const optimizer = optimizerOf();
  await optimizer.optimize(MODEL, undefined, { weights: 'constants' });
  await optimizer.optimize(MODEL, undefined, { weights: 'variables' });

  expect(tasks.map(({ weights }) => weights)).toEqual(['constants', 'variables']);
});

test('a model that cannot be rewritten is remembered; one whose rewrite failed is tried again', async () => {
  answer = () => Promise.resolve({ kind: 'not-rewritable', reason: 'it has no variables' });
  await optimizerOf().optimize(MODEL);
  expect(await optimizerOf().optimize(MODEL)).toEqual({
    state: 'original',
    reason: 'it has no variables',
  });
  expect(tasks).toHaveLength(1);

  answer = () => Promise.resolve({ kind: 'failed', reason: 'the disk is full' });
  const other = path.join(FIXTURES, 'models/half_plus_three/1');
  await optimizerOf().optimize(other);
  expect(await optimizerOf().optimize(other)).toEqual({
    state: 'original',
    reason: 'the rewrite failed: the disk is full',
    dropped: true,
  });
  expect(tasks).toHaveLength(3);
});

test('a rewrite that fails leaves nothing in the cache', async () => {
  answer = async ({ target }) => {
    await mkdir(target, { recursive: true });
    await writeFile(path.join(target, 'saved_model.pb'), 'half of it');
    return { kind: 'failed', reason: 'it crashed' };
  };
  await optimizerOf().optimize(MODEL);

  const left = await readdir(path.join(folder, 'cache'), { recursive: true });
  expect(left.filter((name) => name.endsWith('saved_model.pb'))).toEqual([]);
});

test('a cache that cannot be written is told of, and another folder takes its place', async () => {
  const file = path.join(folder, 'a file');
  await writeFile(file, '');
  await chmod(file, 0o400);

  const optimization = await optimizerOf(file).optimize(MODEL);

  expect(optimization).toMatchObject({ state: 'optimized', cached: false });
  expect(optimization.state === 'optimized' && optimization.directory).toContain('fallback');
  expect(problems).toHaveLength(1);
});

test('a model that is not there is served as it is, which then tells what is wrong', async () => {
  expect(await optimizerOf().optimize(path.join(folder, 'nowhere'))).toMatchObject({
    state: 'original',
    dropped: true,
  });
  expect(tasks).toEqual([]);
});

test('the signal of whoever asked reaches the rewrite', async () => {
  const abort = new AbortController();
  let seen: AbortSignal | undefined;
  answer = (_task, signal) => {
    seen = signal;
    return Promise.resolve({ kind: 'failed', reason: 'the server is shutting down' });
  };
  await optimizerOf().optimize(MODEL, abort.signal);

  expect(seen).toBe(abort.signal);
});
