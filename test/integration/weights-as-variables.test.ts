import { cp, mkdtemp, open, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Service } from '../../src/compose';
import type { Optimization, Wanted } from '../../src/rewriter/model-optimizer';
import { optimized, testOptimizer } from '../support/rewriter';
import { makeRepository, photo, removeFolder, SHIPPED, startTestService } from '../support/service';

const CLASSIFIER = path.join(SHIPPED, 'efficientnet-lite0');

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weights-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function rewrite(
  directory: string,
  wanted: Wanted,
  device: 'cpu' | 'gpu' = 'cpu',
): Promise<Extract<Optimization, { state: 'optimized' }>> {
  const optimizer = testOptimizer(folder, { timeoutMs: 120_000, device });
  return optimized(await optimizer.optimize(directory, undefined, wanted));
}

describe('of the shipped classifier', () => {
  const version = path.join(CLASSIFIER, '1');

  test('large weights go into a checkpoint, which TensorFlow restores: answers stay', async () => {
    const { directory, report } = await rewrite(version, { weights: 'variables' });

    // Both were run and compared when it was made.
    expect(report).toMatchObject({ weights: 'variables', variables: 247 });
    expect(report.maxRelativeDifference).toBeLessThan(1e-4);
    expect((await readdir(path.join(directory, 'variables'))).sort()).toEqual([
      'variables.data-00000-of-00001',
      'variables.index',
    ]);
    expect((await stat(path.join(directory, 'saved_model.pb'))).size).toBeLessThan(2e6);
  });

  test('a checkpoint that was changed on disk is made anew', async () => {
    const { directory } = await rewrite(version, { weights: 'variables' });
    const data = path.join(directory, 'variables', 'variables.data-00000-of-00001');
    const before = await readFile(data);
    const file = await open(data, 'r+');
    await file.write(Buffer.from([(before[1000] ?? 0) ^ 1]), 0, 1, 1000);
    await file.close();

    const again = await rewrite(version, { weights: 'variables' });

    expect(again).toMatchObject({ cached: false, directory });
    expect((await readFile(data)).equals(before)).toBe(true);
  });

  test('by itself it becomes constants on a CPU and variables on a GPU', async () => {
    const [cpu, gpu] = await Promise.all([rewrite(version, {}), rewrite(version, {}, 'gpu')]);

    expect(cpu.report.weights).toBe('constants');
    expect(gpu.report.weights).toBe('variables');
    expect(cpu.directory).not.toBe(gpu.directory);
  });

  test('what was made can be rewritten once more', async () => {
    const { directory } = await rewrite(version, { weights: 'variables' });
    const copy = path.join(folder, 'copy');
    await cp(directory, copy, { recursive: true });

    const { report } = await rewrite(copy, { weights: 'variables' });

    expect(report).toMatchObject({ weights: 'constants', nodesAfter: expect.any(Number) });
    expect(report.maxRelativeDifference).toBeLessThan(1e-4);
  });
});

test('a served model answers alike with its weights as constants and as variables', async () => {
  const config = JSON.parse(await readFile(path.join(CLASSIFIER, 'model.json'), 'utf8')) as object;
  const kinds = ['constants', 'variables'] as const;
  const repository = await makeRepository(
    Object.fromEntries(
      kinds.map((weights) => [
        weights,
        {
          from: path.join(CLASSIFIER, '1'),
          settings: CLASSIFIER,
          config: { ...config, optimize: { weights } },
        },
      ]),
    ),
  );
  let service: Service | undefined;
  try {
    service = await startTestService({
      modelRepository: repository,
      optimize: true,
      cache: path.join(folder, 'served'),
    });
    const answers = [];
    for (const name of kinds) {
      const url = `${service.url}/models/${name}`;
      const status = (await (await fetch(url)).json()) as any;
      expect(status.servable.optimization).toMatchObject({
        state: 'optimized',
        weights: name,
        image: { preprocess: true, postprocess: true },
      });
      const body = await readFile(photo('coffee.jpg'));
      const headers = { 'content-type': 'image/jpeg' };
      const response = await fetch(`${url}/classify`, { method: 'POST', headers, body });
      answers.push(((await response.json()) as any).results[0].predictions);
    }
    const [constants, variables] = answers;
    expect(variables.map(({ label }: any) => label)).toEqual(
      constants.map(({ label }: any) => label),
    );
    for (const [i, { score }] of variables.entries()) {
      expect(score).toBeCloseTo(constants[i].score, 4);
    }
  } finally {
    await service?.stop();
    await removeFolder(repository);
  }
});
