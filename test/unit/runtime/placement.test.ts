import { BinaryReader } from '@bufbuild/protobuf/wire';

import type { DevicePlan } from '../../../src/runtime/devices';
import { environmentWarnings, placeInstances } from '../../../src/runtime/placement';

const CPU: DevicePlan = { device: 'cpu', gpus: [], reason: 'there is no driver' };

function gpus(...ids: readonly string[]): DevicePlan {
  return {
    device: 'gpu',
    gpus: ids.map((id) => ({ index: undefined, id, name: 'a GPU', memoryMib: 1024 })),
    reason: undefined,
  };
}

const OPTIONS = { instances: 1, gpuMemoryGrowth: true, cacheDirectory: '/cache' };

function placed(
  plan: DevicePlan,
  options: Partial<Parameters<typeof placeInstances>[1]> = {},
  env: Record<string, string> = {},
) {
  return placeInstances(plan, { ...OPTIONS, ...options }, env);
}

/** The bytes of a field of a message, by the numbers that lead to it. */
function field(bytes: Uint8Array, [first, ...rest]: readonly number[]): Uint8Array | undefined {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const start = reader.pos;
    reader.skip(wireType);
    if (number !== first) continue;
    const value = bytes.subarray(start, reader.pos);
    return rest.length === 0 ? value : field(new BinaryReader(value).bytes(), rest);
  }
  return undefined;
}

test('on the CPU an instance gives way to the server, and hears nothing of GPUs', () => {
  expect(placed(CPU, { instances: 2, defaultThreads: 3 })).toEqual(
    new Array(2).fill({
      background: true,
      env: { TF_CPP_MIN_LOG_LEVEL: '2', TF_NUM_INTRAOP_THREADS: '3' },
    }),
  );
});

test('instances go round the GPUs, each of which is named by an id that is the same everywhere', () => {
  const all = placed(gpus('GPU-a', 'MIG-b'), { instances: 3 });

  expect(all.map(({ env }) => env.CUDA_VISIBLE_DEVICES)).toEqual(['GPU-a', 'MIG-b', 'GPU-a']);
  // Indices too mean what nvidia-smi shows.
  expect(all.map(({ env }) => env.CUDA_DEVICE_ORDER)).toEqual(new Array(3).fill('PCI_BUS_ID'));
  expect(all.map(({ background }) => background)).toEqual([false, false, false]);
});

test("what CUDA compiles is kept in the project's own cache", () => {
  const [{ env } = { env: {} }] = placed(gpus('GPU-a'));

  expect(env).toMatchObject({ CUDA_CACHE_PATH: '/cache/cuda', CUDA_CACHE_MAXSIZE: '4294967296' });
});

test('what the operator has set stays, but for the GPU of the instance', () => {
  const set = {
    TF_CPP_MIN_LOG_LEVEL: '0',
    TF_NUM_INTRAOP_THREADS: '7',
    TF_FORCE_GPU_ALLOW_GROWTH: 'false',
    CUDA_CACHE_PATH: '/elsewhere',
    CUDA_CACHE_MAXSIZE: '1',
    CUDA_VISIBLE_DEVICES: '0,1',
    CUDA_DEVICE_ORDER: 'FASTEST_FIRST',
  };
  const [{ env } = { env: {} }] = placed(gpus('GPU-a'), { defaultThreads: 2 }, set);

  expect(Object.keys(env).sort()).toEqual([
    'CUDA_DEVICE_ORDER',
    'CUDA_VISIBLE_DEVICES',
    'TFJS_SERVING_CONTEXT_CONFIG',
  ]);
});

test('threads that are configured go before those of the environment', () => {
  const [placement] = placed(
    CPU,
    { threads: 3, defaultThreads: 2 },
    { TF_NUM_INTRAOP_THREADS: '7' },
  );

  expect(placement?.env.TF_NUM_INTRAOP_THREADS).toBe('3');
});

test('the memory of a GPU that an instance may take is part of its ConfigProto', () => {
  const config = (options: object): Uint8Array => {
    const [placement] = placed(gpus('GPU-a'), options);
    return Buffer.from(placement?.env.TFJS_SERVING_CONTEXT_CONFIG ?? '', 'hex');
  };
  const GPU_OPTIONS = 6;
  const allowGrowth = [GPU_OPTIONS, 4];
  const memoryLimit = [GPU_OPTIONS, 9, 1, 1];

  expect(field(config({}), allowGrowth)).toEqual(Uint8Array.of(1));
  expect(field(config({ gpuMemoryGrowth: false }), allowGrowth)).toEqual(Uint8Array.of(0));
  expect(field(config({}), memoryLimit)).toBeUndefined();
  const packed = field(config({ gpuMemoryMiB: 2048 }), memoryLimit) ?? new Uint8Array();
  const floats = new BinaryReader(packed).bytes();
  expect(new DataView(floats.buffer, floats.byteOffset).getFloat32(0, true)).toBe(2048);
});

test('unified memory is warned of where there is a GPU', () => {
  const env = { TF_FORCE_UNIFIED_MEMORY: '1' };

  expect(environmentWarnings(gpus('GPU-a'), env)).toEqual([
    expect.stringContaining('TF_FORCE_UNIFIED_MEMORY is set'),
  ]);
  expect(environmentWarnings(gpus('GPU-a'), { TF_FORCE_UNIFIED_MEMORY: '0' })).toEqual([]);
  expect(environmentWarnings(gpus('GPU-a'), {})).toEqual([]);
  expect(environmentWarnings(CPU, env)).toEqual([]);
});
