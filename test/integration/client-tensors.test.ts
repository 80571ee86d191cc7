import { readFileSync } from 'node:fs';

import { ServingClient, textOf, type TensorInput } from '../../src/client';
import type { Service } from '../../src/compose';
import {
  makeRepository,
  photo,
  removeFolder,
  SHIPPED,
  startTestService,
  toy,
} from '../support/service';

let repository: string;
let service: Service;
let client: ServingClient;

beforeAll(async () => {
  repository = await makeRepository({
    half: { ...toy('half_plus_two', { versionPolicy: 'all' }), versions: [1, 2] },
    types: toy('every_type'),
    sums: toy('two_signatures'),
    examples: toy('examples'),
    photos: { from: `${SHIPPED}/efficientnet-lite0/1` },
    late: toy('half_plus_three'),
  });
  service = await startTestService({
    modelRepository: repository,
    modelControl: 'explicit',
    models: ['half', 'types', 'sums', 'examples', 'photos'],
  });
  client = new ServingClient(service.url);
});
afterAll(async () => {
  await service.stop();
  await removeFolder(repository);
});

const floats = (...values: number[]): TensorInput => ({
  shape: [values.length],
  data: Float32Array.from(values),
});

describe('predict', () => {
  test('gives the outputs by name, with the facts of the run', async () => {
    const answer = await client.predict(
      { x: floats(1, 2, 5) },
      { model: 'half', requestId: 't-1' },
    );

    expect(answer.outputs).toEqual({
      y: { datatype: 'FP32', shape: [3], data: Float32Array.of(2.5, 3, 4.5) },
    });
    expect(answer).toMatchObject({ model: 'half', version: 2, requestId: 't-1' });
    expect(answer.timings?.inferMs).toBeGreaterThan(0);
  });

  test('asks one version when it is named', async () => {
    const { version } = await client.predict({ x: floats(1) }, { model: 'half', version: 1 });

    expect(version).toBe(1);
  });

  test('every type goes there and back', async () => {
    const data = {
      float32: Float32Array.of(0.1, NaN),
      int32: Int32Array.of(-1, 2 ** 31 - 1),
      int64: BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n),
      uint8: Uint8Array.of(0, 255),
      bool: [true, false],
      string: ['é', ''],
    };
    const inputs = Object.fromEntries(
      Object.entries(data).map(([type, values]) => [`${type}_in`, { shape: [1, 2], data: values }]),
    );

    const { outputs } = await client.predict(inputs, { model: 'types' });

    expect(Object.values(outputs).every(({ shape }) => shape.join() === '1,2')).toBe(true);
    const { string, ...numbers } = Object.fromEntries(
      Object.entries(outputs).map(([name, tensor]) => [name.replace('_out', ''), tensor.data]),
    );
    expect((string as Uint8Array[]).map(textOf)).toEqual(data.string);
    expect(numbers).toEqual({ ...data, string: undefined, bool: Uint8Array.of(1, 0) });
  });

  test('a signature can be named', async () => {
    const x = { shape: [1], data: Int32Array.of(7) };

    const { outputs } = await client.predict({ x }, { model: 'types', signature: 'int32' });

    expect(outputs.y).toEqual({ datatype: 'INT32', shape: [1], data: Int32Array.of(7) });
  });

  test('numbers that TensorFlow has in another width are converted where that is exact', async () => {
    const x = { shape: [2], data: Float64Array.of(1, 0.5) };

    const { outputs } = await client.predict({ x }, { model: 'half' });

    expect(outputs.y?.data).toEqual(Float32Array.of(2.5, 2.25));
  });

  test('encoded images go into the input of an image model', async () => {
    const images = ['coffee.jpg', 'chelsea.jpg'].map((name) => readFileSync(photo(name)));

    const { outputs } = await client.predict(
      { images: { shape: [2], data: images } },
      { model: 'photos', outputs: ['logits'] },
    );

    const { logits } = outputs;
    expect(logits?.shape).toEqual([2, 1000]);
    const scores = logits?.data as Float32Array;
    // Without the normalisation of model.json the classes need not be the right ones.
    expect(scores.every(Number.isFinite)).toBe(true);
  });

  test.each<[string, string, Record<string, TensorInput>, string]>([
    ['an input that is not there', 'half', { z: floats(1) }, 'INVALID_INPUT'],
    ['another shape', 'photos', { images: floats(1, 2) }, 'INVALID_INPUT'],
    [
      'fewer numbers than the shape says',
      'half',
      { x: { ...floats(1), shape: [2] } },
      'INVALID_INPUT',
    ],
    ['another type', 'half', { x: { shape: [1], data: ['a'] } }, 'INVALID_INPUT'],
    [
      'bytes that are no example',
      'examples',
      { inputs: { shape: [1], data: ['PNG'] } },
      'INVALID_INPUT',
    ],
    ['a model that is not there', 'nope', { x: floats(1) }, 'MODEL_NOT_FOUND'],
  ])('%s is an error with its code', async (_what, model, inputs, code) => {
    await expect(client.predict(inputs, { model })).rejects.toMatchObject({ code });
  });
});

describe('the model repository', () => {
  test('a model that is loaded answers, and no more once it is unloaded', async () => {
    await expect(client.ready({ model: 'late' })).resolves.toBe(false);

    await client.load('late');
    await expect(client.ready({ model: 'late' })).resolves.toBe(true);
    const { outputs } = await client.predict({ x: floats(2) }, { model: 'late' });
    expect(outputs.y?.data).toEqual(Float32Array.of(4));

    await client.unload('late');
    await expect(client.ready({ model: 'late' })).resolves.toBe(false);
  });

  test('lists what is loaded and what is not', async () => {
    const entries = await client.repository();

    expect(entries).toContainEqual({ name: 'half', version: '2', state: 'READY', reason: '' });
    expect(entries.map(({ name }) => name)).toContain('late');
  });

  test('a model that is not there cannot be loaded', async () => {
    await expect(client.load('nope')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });
});
