import { rm, writeFile } from 'node:fs/promises';
import { mkdirSync } from 'node:fs';
import path from 'node:path';

import type { Service } from '../../src/compose';
import {
  addVersion,
  makeRepository,
  removeFolder,
  startTestService,
  toy,
} from '../support/service';
import { submitRow } from '../support/tensors';

let repository: string;
let service: Service | undefined;

afterEach(async () => {
  await service?.stop();
  service = undefined;
  await removeFolder(repository);
});

async function serve(models: Parameters<typeof makeRepository>[0]): Promise<Service> {
  repository = await makeRepository(models);
  service = await startTestService({ modelRepository: repository });
  return service;
}

function states(running: Service, model: string): string[] {
  return running.manager
    .get(model)
    .servables.map(({ version, state }) => `${String(version)} ${state}`);
}

test('versions compare as numbers: 10 is served, not 9', async () => {
  const running = await serve({ toy: { ...toy('half_plus_two'), versions: [9, 10] } });

  expect(states(running, 'toy')).toEqual(['10 AVAILABLE']);
});

test('a new version takes over under load without a failed request', async () => {
  const running = await serve({ toy: toy('half_plus_two') });
  const seen = new Map<number, number>();
  let stop = false;
  const client = async (): Promise<void> => {
    while (!stop) {
      const { version, values } = await submitRow(running, 'toy', [8]);
      // Version 1 is x/2 + 2, version 2 is x/2 + 3: an answer must be that of its version.
      expect(values).toEqual([version === 1 ? 6 : 7]);
      seen.set(version, (seen.get(version) ?? 0) + 1);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const clients = [client(), client(), client(), client()];

  await addVersion(repository, 'toy', 2, toy('half_plus_three'));
  await running.reload();
  const afterSwap = await submitRow(running, 'toy', [8]);
  stop = true;
  await Promise.all(clients);

  expect(afterSwap.version).toBe(2);
  expect([...seen.keys()].sort()).toEqual([1, 2]);
  expect(states(running, 'toy')).toEqual(['2 AVAILABLE']);
});

test('a request in flight keeps its version until it ends', async () => {
  const running = await serve({ toy: toy('half_plus_two') });
  const lease = running.manager.acquire('toy');
  await addVersion(repository, 'toy', 2, toy('half_plus_three'));

  const reload = running.reload();
  while (lease.servable.state === 'AVAILABLE') {
    await new Promise((resolve) => setImmediate(resolve));
  }

  expect(states(running, 'toy')).toEqual(['1 UNLOADING', '2 AVAILABLE']);
  lease.release();
  await reload;
  expect(lease.servable.state).toBe('END');
});

test('a version that cannot be loaded leaves the old one serving and is listed with its reason', async () => {
  const running = await serve({ toy: toy('half_plus_two') });
  mkdirSync(path.join(repository, 'toy/2'));
  await writeFile(path.join(repository, 'toy/2/saved_model.pb'), 'no protobuf');

  await running.reload();

  const [old, broken] = running.manager.get('toy').servables;
  expect(old).toMatchObject({ version: 1, state: 'AVAILABLE' });
  expect(broken).toMatchObject({
    version: 2,
    state: 'END',
    reason: expect.stringMatching(/saved_model\.pb/),
  });
  await expect(submitRow(running, 'toy', [8])).resolves.toMatchObject({ version: 1 });
  expect(running.manager.ready).toBe(true);

  // Mended files are picked up.
  await rm(path.join(repository, 'toy/2'), { recursive: true });
  await addVersion(repository, 'toy', 2, toy('half_plus_three'));
  await running.reload();
  expect(states(running, 'toy')).toEqual(['2 AVAILABLE']);
});

test('a broken model is listed with its problems and stops no other', async () => {
  const running = await serve({
    good: toy('half_plus_two'),
    typo: toy('half_plus_two', { tsak: 'tensor', batching: { maxBatchSize: 'many' } }),
    wrong: toy('half_plus_two', { signature: 'predict' }),
  });

  await expect(submitRow(running, 'good', [2])).resolves.toMatchObject({ values: [3] });
  const list = await (await fetch(`${running.url}/models`)).json();
  expect(list).toMatchObject({
    models: [
      { name: 'good', ready: true, problems: [] },
      {
        name: 'typo',
        ready: false,
        problems: expect.arrayContaining([
          expect.stringMatching(/unknown key "tsak"/),
          expect.stringMatching(/model\.json\.batching\.maxBatchSize/),
        ]),
      },
      {
        name: 'wrong',
        ready: false,
        versions: [
          {
            state: 'END',
            reason: expect.stringMatching(
              /no signature "predict"; the model has "serving_default"/,
            ),
          },
        ],
      },
    ],
  });
  expect((await fetch(`${running.url}/v2/health/ready`)).status).toBe(200);
});

test('a changed model.json reloads the version; a removed model is unloaded', async () => {
  const running = await serve({ toy: toy('half_plus_two'), other: toy('half_plus_three') });
  await writeFile(
    path.join(repository, 'toy/model.json'),
    JSON.stringify({ batching: { maxBatchSize: 16 } }),
  );
  await rm(path.join(repository, 'other'), { recursive: true });

  await running.reload();

  const { servables } = running.manager.get('toy');
  expect(servables).toHaveLength(1);
  expect(servables[0]?.spec.batching.maxBatchSize).toBe(16);
  expect(() => running.manager.get('other')).toThrow(/There is no model "other"; there are: toy/);
});

test('a client that has gone costs no run', async () => {
  const running = await serve({ slow: toy('slow_add', { warmup: { enabled: false } }) });
  const [servable] = running.manager.get('slow').servables;
  const gone = new AbortController();

  const first = submitRow(running, 'slow', [1]);
  const dropped = submitRow(running, 'slow', [2], { signal: gone.signal });
  const kept = submitRow(running, 'slow', [3]);
  // Queued together they would share the first run: let that one start.
  await new Promise((resolve) => setImmediate(resolve));
  const late = submitRow(running, 'slow', [4], { signal: gone.signal });
  gone.abort();

  await expect(late).rejects.toMatchObject({ code: 'CLIENT_CLOSED_REQUEST', status: 499 });
  await expect(first).resolves.toMatchObject({ values: [2] });
  await expect(kept).resolves.toMatchObject({ values: [4] });
  await Promise.allSettled([dropped]);
  const metrics = await (await fetch(`${running.url}/metrics`)).text();
  expect(metrics).toMatch(/tfjs_serving_execution_count_total\{model="slow",version="1"\} 1\n/);
  expect(servable?.batcher.admission.admitted).toBe(0);
});
