import type { InstanceEnd } from '../../../src/kernel/run-lost-error';
import { FakeInstance } from '../../support/fake-instance';
import { ALL_INDEPENDENT, fakeModel, sourceOf, type FakeModel } from '../../support/fake-model';
import type { ModelConfig } from '../../../src/models/model-config';
import { floats, numbersOf } from '../../support/tensors';

/** A version of a model, from its files to its instances, which the test plays. */

const HALF = sourceOf('half_plus_two');
const CRASH: InstanceEnd = { cause: 'crash', reason: 'it ended with SIGSEGV', signal: 'SIGSEGV' };

beforeEach(() => {
  // Files are read in real time.
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
});
afterEach(() => {
  jest.useRealTimers();
});

function pass(ms = 0): Promise<void> {
  return jest.advanceTimersByTimeAsync(ms).then(() => undefined);
}

function submit({ servable }: FakeModel, value: number): Promise<number[]> {
  const request = {
    signature: 'serving_default',
    inputs: [floats('x', [1], [value])],
    rows: 1,
  };
  return servable.batcher
    .submit(request, servable.batcher.admission.acquire(1))
    .then(({ outputs }) => numbersOf(outputs[0]));
}

function instanceOf({ instances }: FakeModel): FakeInstance {
  const instance = instances.at(-1);
  if (instance === undefined) throw new Error('no instance was made');
  return instance;
}

function answer(model: FakeModel, value: number): void {
  instanceOf(model).pending[0]?.finish([floats('y', [1], [value])]);
}

test('a version is not served before its instances are warm', async () => {
  const made: FakeInstance[] = [];
  const source = sourceOf('half_plus_two', { warmup: { enabled: true, iterations: 1 } });
  const states: string[] = [];
  const load = { isOver: false };
  const loading = fakeModel(source, {
    runtime: {
      runTimeoutMs: 1000,
      loadTimeoutMs: 1000,
      rowExaminer: ALL_INDEPENDENT,
      place: () => [{ env: {}, background: true }],
      createInstance: (options) => {
        const instance = new FakeInstance(options);
        made.push(instance);
        instance.loaded();
        return instance;
      },
    },
  }).finally(() => (load.isOver = true));
  while (made.length === 0) await new Promise((resolve) => setImmediate(resolve));
  for (;;) {
    await pass();
    const run = made[0]?.pending[0];
    if (run === undefined) break;
    states.push(`${load.isOver ? 'served' : 'loading'} ${run.inputs[0]?.shape.join() ?? ''}`);
    run.finish();
  }

  // Every size that a batch may have.
  expect(states).toEqual(['loading 1', 'loading 2', 'loading 3', 'loading 4']);
  const { servable } = await loading;
  expect(servable.ready).toBe(true);
  servable.kill();
});

test('a version is served by as many instances as it is to have, where it is told', async () => {
  const { servable, instances } = await fakeModel(
    sourceOf('half_plus_two', { instances: 3, maxInstanceMemory: 2 ** 30 }),
  );

  expect(servable.state).toBe('AVAILABLE');
  expect(servable.instances).toMatchObject({ ready: 3, total: 3, restarts: 0 });
  expect(instances.map(({ options }) => options.maxBytes)).toEqual(new Array(3).fill(2 ** 30));
  servable.kill();
});

test('unloading waits for those that hold a lease, and for runs; then nothing is left', async () => {
  const model = await fakeModel(HALF);
  const release = model.servable.lease();
  const answered = submit(model, 1);
  await pass();

  const unloading = model.servable.unload();
  expect(model.servable.state).toBe('UNLOADING');
  answer(model, 2.5);
  await expect(answered).resolves.toEqual([2.5]);
  await pass();
  expect(instanceOf(model).isClosing).toBe(false);

  release();
  await unloading;
  expect(instanceOf(model).isClosing).toBe(true);
  expect(model.servable.state).toBe('END');
  expect(() => model.servable.batcher).toThrow('is END');
  expect(jest.getTimerCount()).toBe(0);
});

test('a loss under a request is told, and the request is answered by the successor', async () => {
  const onLost = jest.fn();
  const model = await fakeModel(HALF, { events: { onLost } });
  const answered = submit(model, 1);
  await pass();
  instanceOf(model).end(CRASH);
  expect(model.servable.ready).toBe(true);
  await pass();

  expect(onLost.mock.calls).toEqual([[0, CRASH]]);
  expect(model.instances).toHaveLength(2);
  answer(model, 2.5);
  await expect(answered).resolves.toEqual([2.5]);
  expect(model.servable.instances.restarts).toBe(1);
  model.servable.kill();
});

test('a shutdown answers what is queued and what runs, and ends the instances', async () => {
  const model = await fakeModel(sourceOf('half_plus_two', { batching: { maxBatchSize: 1 } }));
  const running = expect(submit(model, 1)).rejects.toMatchObject({ code: 'DRAINING' });
  const prefetched = expect(submit(model, 2)).rejects.toMatchObject({ code: 'DRAINING' });
  const queued = expect(submit(model, 3)).rejects.toMatchObject({ code: 'DRAINING' });
  await pass();

  model.servable.kill();

  await Promise.all([running, prefetched, queued]);
  await expect(instanceOf(model).ended).resolves.toMatchObject({ cause: 'closed' });
  expect(jest.getTimerCount()).toBe(0);
});

test('a folder that is not there any more fails the load, with the reason', async () => {
  const { servable } = await fakeModel(HALF, { directory: '/nowhere/1' });

  expect(servable.state).toBe('END');
  expect(servable.reason).toContain('/nowhere/1');
  expect(servable.mayLoadLater).toBe(true);
});

test.each<[string, ModelConfig, RegExp | undefined]>([
  ['found out', {}, undefined],
  ['"batching": false', { batching: false }, /"batching": false/],
  [
    '"independentRows": false',
    { batching: { independentRows: false } },
    /"independentRows": false/,
  ],
  ['"independentRows": true', { batching: { independentRows: true } }, undefined],
])('whether rows are independent is as %s says', async (_, config, reason) => {
  const { servable } = await fakeModel(sourceOf('half_plus_two', config));
  const verdict = servable.rowsOf('serving_default');

  expect(verdict.independent).toBe(reason === undefined);
  if (reason !== undefined) expect(verdict.reason).toMatch(reason);
  expect(servable.rowsOf('no such signature').independent).toBe(false);
  servable.kill();
});

test('rows that turn out to belong together in service do so from then on', async () => {
  const model = await fakeModel(HALF);
  const answered = submit(model, 1);
  await pass();
  instanceOf(model).pending[0]?.finish([floats('y', [2], [1, 2])]);
  await expect(answered).resolves.toEqual([1, 2]);

  expect(model.servable.rowsOf('serving_default')).toEqual({
    independent: false,
    reason: 'output "y" has shape [2] for 1 row: its rows are not those of the inputs',
  });
  model.servable.kill();
});

test('what the rewriter finds is told before the first instance loads', async () => {
  const told: string[] = [];
  const { servable, instances } = await fakeModel(HALF, {
    runtime: {
      runTimeoutMs: 1,
      loadTimeoutMs: 1,
      place: () => [{ env: {}, background: true }],
      optimizer: {
        optimize: () => Promise.resolve({ state: 'original', reason: 'nothing to gain' }),
      },
      createInstance: (options) => {
        told.push(`loads ${options.directory}`);
        throw new Error('there are no processes to be had');
      },
    },
    events: { onOptimization: ({ state }) => told.push(state) },
  });

  expect(told).toEqual(['original', expect.stringMatching(/^loads .*half_plus_two/)]);
  expect(servable.reason).toBe('there are no processes to be had');
  expect(instances).toEqual([]);
});
