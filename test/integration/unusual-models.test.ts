import { rm } from 'node:fs/promises';
import path from 'node:path';

import type { Service } from '../../src/compose';
import { TfjsBackend } from '../../src/runtime/tfjs-backend';
import { FIXTURES, makeRepository, removeFolder, startTestService, toy } from '../support/service';

/** Models that are valid, and that servers turn away. */
let repository: string;
let cache: string;
let service: Service;

beforeAll(async () => {
  repository = await makeRepository({
    lost: toy('lost_variables'),
    lost_as_it_is: toy('lost_variables', { optimize: false }),
    without_variables: toy('half_plus_two'),
    pictures: toy('image_bytes'),
    compiled: toy('xla_call'),
    first: toy('tensorflow_1'),
    drawn: toy('random_start'),
  });
  cache = await makeRepository({});
  await rm(path.join(repository, 'without_variables/1/variables'), { recursive: true });
  service = await startTestService({
    modelRepository: repository,
    cache,
    optimize: true,
    maxLoadRetries: 0,
  });
});

afterAll(async () => {
  await service.stop();
  await removeFolder(repository);
  await removeFolder(cache);
});

async function infer(model: string, body: object): Promise<any> {
  const response = await fetch(`${service.url}/v2/models/${model}/infer`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  return response.json();
}

async function details(model: string): Promise<any> {
  return (await fetch(`${service.url}/models/${model}`)).json();
}

const floats = (data: readonly number[], shape = [data.length]): object => ({
  inputs: [{ name: 'x', datatype: 'FP32', shape, data }],
});

test('variables that a Keras 3 export lost are found in its checkpoint', async () => {
  const { outputs } = await infer('lost', floats([0, 1, -4], [3, 1]));

  expect(outputs).toMatchObject([{ name: 'y', data: [2, 2.5, 0] }]);
  expect((await details('lost')).servable.optimization).toMatchObject({
    state: 'optimized',
    repair: { variables: 2 },
  });
});

test('without a rewrite such an export does not load, and is told the command that helps', async () => {
  expect(await details('lost_as_it_is')).toMatchObject({
    versions: [
      {
        state: 'END',
        reason: expect.stringMatching(/Could not find variable[^]*model\.export\(folder\)/),
      },
    ],
  });
});

test('a SavedModel without its variables/ does not load, and says so', async () => {
  expect(await details('without_variables')).toMatchObject({
    versions: [{ state: 'END', reason: expect.stringContaining('variables/variables.index') }],
  });
});

test('a model that decodes pictures itself is checked with pictures, and rewritten', async () => {
  expect((await details('pictures')).servable.optimization).toMatchObject({
    state: 'optimized',
    variables: 1,
  });
});

test('a call that XLA compiles stays, and the rest is frozen', async () => {
  const { outputs } = await infer('compiled', floats([0, 1]));

  expect(outputs).toMatchObject([{ data: [3, 3.5] }]);
  expect((await details('compiled')).servable.optimization).toMatchObject({
    state: 'optimized',
    variables: 2,
  });
});

test('several signatures without serving_default are served, one of them unnamed', async () => {
  const key = { name: 'key', datatype: 'BYTES', shape: [2], data: ['a', 'b'] };

  expect((await details('first')).servable).toMatchObject({
    signature: 'echo',
    assumptions: expect.arrayContaining([expect.stringMatching(/^signature: "echo" of "echo", /)]),
  });
  // TensorFlow refuses to fetch what it is fed.
  expect((await infer('first', { inputs: [key] })).outputs).toMatchObject([
    { name: 'key', datatype: 'BYTES', data: ['a', 'b'] },
  ]);
});

test('a variable of TensorFlow 1 is answered by its value', () => {
  const model = new TfjsBackend().loadModel(path.join(FIXTURES, 'models/tensorflow_1/1'));

  expect(model.run('weights', [])).toMatchObject([
    { name: 'weights', dtype: 'float32', data: Float32Array.of(1, 2, 3) },
  ]);
  model.dispose();
});

test('a variable that is drawn when the model is loaded is not frozen', async () => {
  const { outputs } = await infer('drawn', floats([0]));

  expect(outputs[0].data[0]).toBeGreaterThanOrEqual(1);
  expect((await details('drawn')).servable.optimization).toMatchObject({
    state: 'original',
    reason: expect.stringContaining('its initialisation draws random numbers'),
  });
});
