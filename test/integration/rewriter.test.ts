import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Service } from '../../src/compose';
import { isDropped, type ModelOptimizer } from '../../src/rewriter/model-optimizer';
import { RewriteDroppedError } from '../../src/rewriter/not-rewritable';
import { verify } from '../../src/rewriter/verify';
import { TfjsBackend } from '../../src/runtime/tfjs-backend';
import { optimized, testOptimizer } from '../support/rewriter';
import { FIXTURES, makeRepository, removeFolder, startTestService, toy } from '../support/service';
import { submitRow } from '../support/tensors';

let folder: string;
let service: Service | undefined;
const problems: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'optimizer-'));
  problems.length = 0;
});
afterEach(async () => {
  await service?.stop();
  service = undefined;
  await removeFolder(folder);
});

function model(name: string): string {
  return path.join(FIXTURES, 'models', name, '1');
}

function optimizer(
  cacheDirectory = path.join(folder, 'cache'),
  timeoutMs = 60_000,
): ModelOptimizer {
  const onCacheProblem = (reason: string): unknown => problems.push(reason);
  return testOptimizer(folder, { cacheDirectory, timeoutMs, onCacheProblem });
}

test.each([['keras_network'], ['two_signatures'], ['control_flow'], ['assert_positive']])(
  '%s is rewritten without variables and answers the same',
  async (name) => {
    const result = optimized(await optimizer().optimize(model(name)));

    expect(result.report.maxRelativeDifference).toBeLessThanOrEqual(1e-4);
    expect(await readdir(result.directory)).not.toContain('variables');
    const backend = new TfjsBackend();
    const original = backend.loadModel(model(name));
    const rewritten = backend.loadModel(result.directory);
    expect(Object.keys(rewritten.signatures).sort()).toEqual(
      Object.keys(original.signatures).sort(),
    );
    expect(verify(original, rewritten)).toBeLessThanOrEqual(1e-4);
    original.dispose();
    rewritten.dispose();
  },
);

test('batch normalisation is gone from a network as Keras exports it', async () => {
  const { report } = optimized(await optimizer().optimize(model('keras_network')));

  expect(report.nodesAfter).toBeLessThan(report.nodesBefore / 2);
});

test.each([
  ['lookup_table', /it has a lookup table \(HashTableV2/],
  ['run_counter', /the variable runs is written at run time \(AssignAddVariableOp/],
])('%s is left alone, with the reason, also when asked again', async (name, reason) => {
  const first = await optimizer().optimize(model(name));
  const second = await optimizer().optimize(model(name));

  expect(first).toEqual({ state: 'original', reason: expect.stringMatching(reason) });
  expect(second).toEqual(first);
});

test('a rewrite that answers otherwise is refused', () => {
  const backend = new TfjsBackend();
  const two = backend.loadModel(model('half_plus_two'));
  const three = backend.loadModel(model('half_plus_three'));

  expect(() => verify(two, three)).toThrow(RewriteDroppedError);
  expect(() => verify(two, three)).toThrow(/answers otherwise/);
  two.dispose();
  three.dispose();
});

test('a rewrite that fails is told from a model that has none', async () => {
  const late = await optimizer(undefined, 1).optimize(model('half_plus_two'));
  const none = await optimizer().optimize(model('lookup_table'));

  expect(late).toMatchObject({ state: 'original', reason: expect.stringMatching(/took longer/) });
  expect(isDropped(late)).toBe(true);
  expect(isDropped(none)).toBe(false);
});

test('the second load takes what the first has made; both at once make it once', async () => {
  const shared = optimizer();

  const [a, b] = await Promise.all([
    shared.optimize(model('half_plus_two')),
    shared.optimize(model('half_plus_two')),
  ]);
  const later = await optimizer().optimize(model('half_plus_two'));

  expect(optimized(a)).toBe(b);
  expect(optimized(later)).toMatchObject({ cached: true, directory: optimized(a).directory });
});

test('two servers that share a cache both end with one whole entry', async () => {
  const [a, b] = await Promise.all([
    optimizer().optimize(model('half_plus_two')),
    optimizer().optimize(model('half_plus_two')),
  ]);

  expect(optimized(a).directory).toBe(optimized(b).directory);
  expect(await readdir(path.join(folder, 'cache'))).toHaveLength(1);
});

test('an entry that was changed on disk is made anew', async () => {
  const { directory } = optimized(await optimizer().optimize(model('half_plus_two')));
  const three = optimized(await optimizer().optimize(model('half_plus_three')));
  await cp(path.join(three.directory, 'saved_model.pb'), path.join(directory, 'saved_model.pb'));

  const again = optimized(await optimizer().optimize(model('half_plus_two')));

  expect(again).toMatchObject({ cached: false, directory });
  const graph = (name: string): Promise<Buffer> => readFile(path.join(name, 'saved_model.pb'));
  expect((await graph(directory)).equals(await graph(three.directory))).toBe(false);
});

test('a cache that cannot be written is replaced by another folder', async () => {
  const blocked = path.join(folder, 'a file');
  await writeFile(blocked, '');

  const result = optimized(
    await optimizer(path.join(blocked, 'cache')).optimize(model('half_plus_two')),
  );

  expect(result.directory.startsWith(path.join(folder, 'fallback'))).toBe(true);
  expect(problems).toEqual([expect.stringMatching(/ENOTDIR/)]);
});

test('a damaged model is left to the loader to complain about', async () => {
  const broken = path.join(folder, 'broken');
  await cp(model('half_plus_two'), broken, { recursive: true });
  await writeFile(path.join(broken, 'saved_model.pb'), 'no protobuf');

  expect(await optimizer().optimize(broken)).toMatchObject({ state: 'original' });
});

test('a server serves rewritten models, says so, and says why not', async () => {
  const repository = await makeRepository({
    half: toy('half_plus_two'),
    off: toy('half_plus_three', { optimize: false }),
    table: toy('lookup_table'),
  });
  service = await startTestService({
    modelRepository: repository,
    optimize: true,
    cache: path.join(folder, 'cache'),
  });
  const optimization = async (name: string): Promise<any> => {
    const response = await fetch(`${service?.url ?? ''}/models/${name}`);
    return ((await response.json()) as any).servable.optimization;
  };

  await expect(submitRow(service, 'half', [8])).resolves.toMatchObject({ values: [6] });
  expect(await optimization('half')).toMatchObject({ state: 'optimized', variables: 2 });
  expect(await optimization('off')).toEqual({
    state: 'original',
    reason: 'model.json says optimize: false',
  });
  expect(await optimization('table')).toMatchObject({
    state: 'original',
    reason: expect.stringMatching(/lookup table/),
  });
  // Another process may clear the cache: what is loaded goes on.
  await rm(path.join(folder, 'cache'), { recursive: true });
  await expect(submitRow(service, 'half', [4])).resolves.toMatchObject({ values: [4] });
  await removeFolder(repository);
});
