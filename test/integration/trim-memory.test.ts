import path from 'node:path';

import { Instance } from '../../src/runtime/instance';
import type { Placement } from '../../src/runtime/instance-channel';
import { TfjsBackend } from '../../src/runtime/tfjs-backend';
import { FIXTURES } from '../support/service';
import { floats, numbersOf } from '../support/tensors';

interface Binding {
  createTensor(shape: number[], dtype: number, data: unknown): number;
  deleteTensor(id: number): void;
}

const STRING = 7;

test('memory that was freed goes back to the operating system', () => {
  const backend = new TfjsBackend();
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- only the backend prepares for it
  const tf = require('@tensorflow/tfjs-node-gpu') as { backend(): { binding: Binding } };
  const { binding } = tf.backend();
  // Small enough to come from the heap, which can shrink by itself only above the last one in use.
  const text = new Uint8Array(100_000).fill(65);
  const large = binding.createTensor([3000], STRING, new Array(3000).fill(text));
  const last = binding.createTensor([1], STRING, [text]);
  binding.deleteTensor(large);
  const kept = process.memoryUsage.rss();

  backend.trimMemory();

  expect(kept - process.memoryUsage.rss()).toBeGreaterThan(200e6);
  binding.deleteTensor(last);
});

test.each<Placement>([
  { kind: 'thread', background: true },
  { kind: 'process', visibleDevice: '' },
])('a worker that gave memory back answers as before: $kind', async (placement) => {
  const instance = new Instance({
    directory: path.join(FIXTURES, 'models', 'keras_network', '1'),
    placement,
    runTimeoutMs: 60_000,
    loadTimeoutMs: 60_000,
  });
  const { signatures } = await instance.ready;
  const [input] = signatures.serving_default?.inputs ?? [];
  const shape = (input?.shape ?? []).map((size) => Math.abs(size));
  const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i));
  const run = async (): Promise<number[]> => {
    const inputs = [floats(input?.name ?? '', shape, values)];
    const { outputs } = await instance.run({ signature: 'serving_default', inputs });
    return numbersOf(outputs[0]);
  };
  const before = await run();

  instance.trimMemory();

  expect(before.length).toBeGreaterThan(0);
  await expect(run()).resolves.toEqual(before);
  await instance.close();
});
