import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';

import {
  applyRuntimeEnvironment,
  deviceDefaults,
  placeInstances,
  planDevices,
  readRuntimeInstall,
  type DevicePlan,
  type RuntimeInstall,
} from '../../../src/runtime/devices';

const CPU: DevicePlan = { device: 'cpu', gpus: [], reason: 'there is no driver' };

function gpus(...indices: readonly string[]): DevicePlan {
  return {
    device: 'gpu',
    gpus: indices.map((index) => ({ index, name: 'a GPU', memoryMib: 1024 })),
    reason: undefined,
  };
}

function install(variant: RuntimeInstall['variant']): RuntimeInstall {
  return { variant, tensorflowVersion: '2.15.0', platform: 'linux-x64', cachePath: '/cache' };
}

describe('what set-up put in place', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'devices-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('is read from its file', () => {
    const file = path.join(folder, 'runtime.json');
    writeFileSync(file, JSON.stringify(install('cpu')));

    expect(readRuntimeInstall(file)).toEqual(install('cpu'));
  });

  test.each(['', '{"variant":'])('is unknown where the file holds %j', (content) => {
    const file = path.join(folder, 'runtime.json');
    writeFileSync(file, content);

    expect(readRuntimeInstall(file)).toBeUndefined();
  });

  test('is unknown where there is no file', () => {
    expect(readRuntimeInstall(path.join(folder, 'runtime.json'))).toBeUndefined();
  });
});

// The GPUs of a machine differ; these plans do not.
describe('the plan', () => {
  test('is the CPU with its variant of TensorFlow, whatever is asked for', () => {
    const plan = planDevices(install('cpu'), ['0'], { CUDA_VISIBLE_DEVICES: '0' });

    expect(plan).toEqual({ device: 'cpu', gpus: [], reason: expect.stringContaining('driver') });
  });

  test.each<[string, readonly string[] | undefined, string | undefined]>([
    ['an empty CUDA_VISIBLE_DEVICES', undefined, ''],
    ['a CUDA_VISIBLE_DEVICES of -1', undefined, '-1'],
    ['an empty list in the configuration', [], '0'],
  ])('is the CPU with %s', (_, wanted, visible) => {
    expect(planDevices(install('gpu'), wanted, { CUDA_VISIBLE_DEVICES: visible })).toEqual({
      device: 'cpu',
      gpus: [],
      reason: 'CUDA_VISIBLE_DEVICES hides every GPU',
    });
  });
});

describe("the environment of TensorFlow's library", () => {
  const options = {
    gpuMemoryGrowth: true,
    intraOpThreads: undefined,
    defaultIntraOpThreads: undefined,
  };

  function applied(
    plan: DevicePlan,
    more: Partial<Parameters<typeof applyRuntimeEnvironment>[1]> = {},
    env: NodeJS.ProcessEnv = {},
  ): NodeJS.ProcessEnv {
    applyRuntimeEnvironment(plan, { ...options, ...more }, env);
    return env;
  }

  test('on the CPU says how many threads an operation has, and nothing of GPUs', () => {
    expect(applied(CPU, { defaultIntraOpThreads: 2 })).toEqual({
      TF_CPP_MIN_LOG_LEVEL: '2',
      TF_NUM_INTRAOP_THREADS: '2',
    });
  });

  test('on GPUs says which and how their memory is taken', () => {
    expect(applied(gpus('1', '3'))).toEqual({
      TF_CPP_MIN_LOG_LEVEL: '2',
      TF_FORCE_GPU_ALLOW_GROWTH: 'true',
      CUDA_VISIBLE_DEVICES: '1,3',
    });
    expect(applied(gpus('0'), { gpuMemoryGrowth: false }).TF_FORCE_GPU_ALLOW_GROWTH).toBe('false');
  });

  test('keeps what the operator has set, but for the GPUs that were chosen', () => {
    const set = {
      TF_CPP_MIN_LOG_LEVEL: '0',
      TF_NUM_INTRAOP_THREADS: '7',
      TF_FORCE_GPU_ALLOW_GROWTH: 'false',
    };

    expect(
      applied(gpus('1'), { defaultIntraOpThreads: 2 }, { ...set, CUDA_VISIBLE_DEVICES: '0,1' }),
    ).toEqual({ ...set, CUDA_VISIBLE_DEVICES: '1' });
  });

  test('has the threads of the configuration over those of the environment', () => {
    const env = applied(
      CPU,
      { intraOpThreads: 3, defaultIntraOpThreads: 2 },
      { TF_NUM_INTRAOP_THREADS: '7' },
    );

    expect(env.TF_NUM_INTRAOP_THREADS).toBe('3');
  });
});

describe('instances', () => {
  test('on the CPU are threads that give way to decoding', () => {
    const thread = { kind: 'thread', background: true };

    expect(placeInstances(CPU, 2)).toEqual([thread, thread]);
  });

  test('on one GPU are threads that give way to nothing', () => {
    const thread = { kind: 'thread', background: false };

    expect(placeInstances(gpus('2'), 2)).toEqual([thread, thread]);
  });

  test('on several GPUs are processes that go round them', () => {
    expect(placeInstances(gpus('1', '3'), 3)).toEqual([
      { kind: 'process', visibleDevice: '1' },
      { kind: 'process', visibleDevice: '3' },
      { kind: 'process', visibleDevice: '1' },
    ]);
  });
});

describe('defaults', () => {
  test('of GPUs are one instance each and large batches', () => {
    expect(deviceDefaults(gpus('0', '1'), undefined)).toEqual({
      instances: 2,
      maxBatchSize: 32,
      batchSizeSteps: 'powers-of-two',
      intraOpThreads: undefined,
    });
    expect(deviceDefaults(gpus('0'), 3).instances).toBe(3);
  });

  test('of the CPU share its cores among the instances', () => {
    const cores = availableParallelism();
    const count = Math.min(cores, 4);

    expect(deviceDefaults(CPU, undefined)).toEqual({
      instances: count,
      maxBatchSize: 4,
      batchSizeSteps: 'fine',
      intraOpThreads: Math.floor(cores / count),
    });
  });

  test('of the CPU are a thread at least for each of many instances', () => {
    expect(deviceDefaults(CPU, 64).intraOpThreads).toBe(
      Math.max(1, Math.floor(availableParallelism() / 64)),
    );
  });
});
