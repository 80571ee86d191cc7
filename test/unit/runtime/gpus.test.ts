import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';

import {
  defaultThreads,
  deviceDefaults,
  planDevices,
  type DevicePlan,
} from '../../../src/runtime/devices';
import { findGpu, listGpus, type Gpu } from '../../../src/runtime/gpus';
import type { RuntimeInstall } from '../../../src/runtime/runtime-install';

const A100 = 'GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f';
const T4 = 'GPU-1d6a5f54-0000-4444-8888-aaaabbbbcccc';
const SLICES = [
  'MIG-5be0d5e1-0001-5e0a-9e5d-6b7a3d8f0a11',
  'MIG-6ce1e6f2-0002-5e0a-9e5d-6b7a3d8f0a22',
];

let folder: string;
let searchPath: string | undefined;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gpus-'));
  searchPath = process.env.PATH;
});
afterEach(() => {
  process.env.PATH = searchPath;
  rmSync(folder, { recursive: true, force: true });
});

/** A program of that name in the place of NVIDIA's. */
function fakeNvidiaSmi(script: string): void {
  const file = path.join(folder, 'nvidia-smi');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  process.env.PATH = `${folder}:${searchPath ?? ''}`;
}

/** Answers both questions that are asked of it. */
function fakeCards(table: string, list: string): void {
  fakeNvidiaSmi(
    `case "$1" in -L) cat <<'END'\n${list}\nEND\n;; *) cat <<'END'\n${table}\nEND\n;; esac`,
  );
}

describe('the inventory', () => {
  test('has unlike cards by index, id, name and memory', () => {
    fakeCards(
      `0, ${A100}, NVIDIA A100-SXM4-40GB, 40960\n1, ${T4}, Tesla T4, 15360`,
      `GPU 0: NVIDIA A100-SXM4-40GB (UUID: ${A100})\nGPU 1: Tesla T4 (UUID: ${T4})`,
    );

    expect(listGpus()).toEqual([
      { index: '0', id: A100, name: 'NVIDIA A100-SXM4-40GB', memoryMib: 40_960 },
      { index: '1', id: T4, name: 'Tesla T4', memoryMib: 15_360 },
    ]);
  });

  test('has the slices of a card in its place', () => {
    fakeCards(
      `0, ${A100}, NVIDIA A100-SXM4-40GB, 40960\n1, ${T4}, Tesla T4, 15360`,
      [
        `GPU 0: NVIDIA A100-SXM4-40GB (UUID: ${A100})`,
        `  MIG 3g.20gb     Device  0: (UUID: ${SLICES[0]})`,
        `  MIG 2g.10gb     Device  1: (UUID: ${SLICES[1]})`,
        `GPU 1: Tesla T4 (UUID: ${T4})`,
      ].join('\n'),
    );

    expect(listGpus().map(({ id, name }) => [id, name])).toEqual([
      [SLICES[0], 'MIG 3g.20gb'],
      [SLICES[1], 'MIG 2g.10gb'],
      [T4, 'Tesla T4'],
    ]);
  });

  test('does without what the driver does not say', () => {
    fakeCards(`0, [N/A], [Unknown Error], [N/A]`, '');

    expect(listGpus()).toEqual([
      { index: '0', id: '0', name: '[Unknown Error]', memoryMib: undefined },
    ]);
  });

  test('does not take a warning for a card', () => {
    fakeCards(`WARNING: infoROM is corrupted at gpu 0000:00:1E.0\n0, ${T4}, Tesla T4, 15360`, '');

    expect(listGpus()).toHaveLength(1);
  });

  test.each([
    ['fails', 'echo "NVIDIA-SMI has failed because it could not communicate" ; exit 9'],
    ['finds no device', 'echo "No devices were found"'],
    ['is killed', 'kill -9 $$'],
  ])('is empty where nvidia-smi %s', (_, script) => {
    fakeNvidiaSmi(script);

    // This machine has no card either.
    expect(listGpus()).toEqual([]);
  });

  test('is empty where there is no nvidia-smi', () => {
    process.env.PATH = folder;

    expect(listGpus()).toEqual([]);
  });
});

describe('a GPU', () => {
  const all: readonly Gpu[] = [
    { index: '0', id: A100, name: 'A100', memoryMib: 1 },
    { index: undefined, id: SLICES[0] ?? '', name: 'MIG', memoryMib: undefined },
  ];

  test.each([
    ['0', A100],
    [A100, A100],
    ['GPU-5c89', A100],
    [SLICES[0] ?? '', SLICES[0]],
    ['MIG-5be0', SLICES[0]],
  ])('is found by %s', (id, expected) => {
    expect(findGpu(all, id).id).toBe(expected);
  });

  test('that the driver does not list is passed on as it was named', () => {
    expect(findGpu(all, '7')).toEqual({ index: '7', id: '7', name: '7', memoryMib: undefined });
    expect(findGpu(all, 'GPU-ffff')).toMatchObject({ index: undefined, id: 'GPU-ffff' });
  });
});

function install(variant: RuntimeInstall['variant']): RuntimeInstall {
  return { variant, tensorflowVersion: '2.15.0', platform: 'linux-x64', cachePath: '/cache' };
}

describe('the plan', () => {
  const inventory = {
    hasDriver: () => true,
    cudaFault: () => undefined,
    listGpus: () => [
      { index: '0', id: A100, name: 'A100', memoryMib: 1 },
      { index: '1', id: T4, name: 'T4', memoryMib: 1 },
    ],
  };
  const none = { hasDriver: () => false, listGpus: () => [], cudaFault: () => undefined };
  const idsOf = ({ gpus }: DevicePlan) => gpus.map(({ id }) => id);

  test('is the first GPU, the ones that are visible, or the ones that are asked for', () => {
    expect(idsOf(planDevices(install('gpu'), undefined, {}, inventory))).toEqual([A100]);
    const visible = { CUDA_VISIBLE_DEVICES: '1,0' };
    expect(idsOf(planDevices(install('gpu'), undefined, visible, inventory))).toEqual([T4, A100]);
    expect(idsOf(planDevices(install('gpu'), ['1'], visible, inventory))).toEqual([T4]);
  });

  test('is the CPU with its variant of TensorFlow, whatever is asked for', () => {
    const env = { CUDA_VISIBLE_DEVICES: '0' };

    expect(planDevices(install('cpu'), ['0'], env, inventory)).toEqual({
      device: 'cpu',
      gpus: [],
      reason: expect.stringContaining('npx tfjs-serving setup --variant gpu'),
    });
    expect(planDevices(install('cpu'), ['0'], env, none).reason).toContain('no NVIDIA driver');
  });

  test('a driver that cannot be used leaves the CPU, with its reason', () => {
    const faulty = { ...inventory, cudaFault: () => 'CUDA cannot be used: …' };

    expect(planDevices(install('gpu'), undefined, {}, faulty)).toEqual({
      device: 'cpu',
      gpus: [],
      reason: 'CUDA cannot be used: …',
    });
  });

  test('is the CPU where no GPU is found', () => {
    expect(planDevices(install('gpu'), undefined, {}, none)).toEqual({
      device: 'cpu',
      gpus: [],
      reason: 'no NVIDIA GPU was found',
    });
  });

  test.each<[string, readonly string[] | undefined, string | undefined]>([
    ['an empty CUDA_VISIBLE_DEVICES', undefined, ''],
    ['a CUDA_VISIBLE_DEVICES of -1', undefined, '-1'],
    ['an empty list in the configuration', [], '0'],
  ])('is the CPU with %s', (_, wanted, visible) => {
    const env = { CUDA_VISIBLE_DEVICES: visible };

    expect(planDevices(install('gpu'), wanted, env, inventory)).toEqual({
      device: 'cpu',
      gpus: [],
      reason: 'CUDA_VISIBLE_DEVICES hides every GPU',
    });
  });
});

describe('defaults', () => {
  const cpu: DevicePlan = { device: 'cpu', gpus: [], reason: 'there is no driver' };
  const gpus: DevicePlan = {
    device: 'gpu',
    gpus: [A100, T4].map((id) => ({ index: undefined, id, name: 'a GPU', memoryMib: 1024 })),
    reason: undefined,
  };

  test('of GPUs are one instance each and large batches', () => {
    expect(deviceDefaults(gpus, undefined)).toEqual({
      instances: 2,
      maxBatchSize: 32,
      batchSizeSteps: 'powers-of-two',
    });
    expect(deviceDefaults(gpus, 3).instances).toBe(3);
    expect(defaultThreads(gpus, 3)).toBeUndefined();
  });

  test('of the CPU share its cores among the instances', () => {
    const cores = availableParallelism();

    expect(deviceDefaults(cpu, undefined)).toEqual({
      instances: Math.min(cores, 4),
      maxBatchSize: 4,
      batchSizeSteps: 'fine',
    });
    expect(defaultThreads(cpu, 1)).toBe(cores);
    expect(defaultThreads(cpu, cores)).toBe(1);
    expect(defaultThreads(cpu, 64 * cores)).toBe(1);
  });
});
