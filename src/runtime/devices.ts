import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';

import type { Placement } from './instance-channel';

export interface Gpu {
  readonly index: string;
  readonly name: string;
  readonly memoryMib: number | undefined;
}

/** What set-up put in place; see scripts/setup.mjs. */
export interface RuntimeInstall {
  readonly tensorflowVersion: string;
  readonly variant: 'cpu' | 'gpu';
  readonly platform: string;
  readonly cachePath: string;
}

/** Undefined when set-up has not run. */
export function readRuntimeInstall(
  file = path.resolve(__dirname, '../../node_modules/.tfjs-serving-runtime.json'),
): RuntimeInstall | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RuntimeInstall;
  } catch {
    return undefined;
  }
}

export interface DevicePlan {
  readonly device: 'gpu' | 'cpu';
  /** GPUs that will be used; empty on the CPU. */
  readonly gpus: readonly Gpu[];
  /** Why no GPU is used. */
  readonly reason: string | undefined;
}

/** @param wanted GPU indices or ids; CUDA_VISIBLE_DEVICES, else the first GPU, when absent */
export function planDevices(
  install: RuntimeInstall | undefined,
  wanted: readonly string[] | undefined,
  env: Readonly<Record<string, string | undefined>>,
): DevicePlan {
  const cpu = (reason: string): DevicePlan => ({ device: 'cpu', gpus: [], reason });
  if (install?.variant === 'cpu') {
    return cpu(
      driverPresent()
        ? 'the CPU variant of TensorFlow is installed although there is an NVIDIA driver; run: npm run setup -- --variant gpu'
        : 'there is no NVIDIA driver on this machine',
    );
  }
  const visible = wanted ?? env.CUDA_VISIBLE_DEVICES?.split(',').filter((id) => id !== '');
  if (visible?.length === 0 || visible?.[0] === '-1')
    return cpu('CUDA_VISIBLE_DEVICES hides every GPU');
  const all = listGpus();
  if (all.length === 0) return cpu('no NVIDIA GPU was found');
  const first = all.slice(0, 1);
  const gpus =
    visible?.map(
      (id) =>
        all.find(({ index }) => index === id) ?? { index: id, name: id, memoryMib: undefined },
    ) ?? first;
  return { device: 'gpu', gpus, reason: undefined };
}

/**
 * Sets what TensorFlow reads from the environment when its library is loaded, which is why this
 * must run on the main thread before the first worker. What the operator has set is left alone.
 */
export function applyRuntimeEnvironment(
  plan: DevicePlan,
  options: {
    readonly gpuMemoryGrowth: boolean;
    /** Asked for in the configuration. */
    readonly intraOpThreads: number | undefined;
    readonly defaultIntraOpThreads: number | undefined;
  },
  env: NodeJS.ProcessEnv = process.env,
): void {
  env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  if (options.intraOpThreads !== undefined) {
    env.TF_NUM_INTRAOP_THREADS = String(options.intraOpThreads);
  } else if (options.defaultIntraOpThreads !== undefined) {
    env.TF_NUM_INTRAOP_THREADS ??= String(options.defaultIntraOpThreads);
  }
  if (plan.device === 'gpu') {
    env.TF_FORCE_GPU_ALLOW_GROWTH ??= String(options.gpuMemoryGrowth);
    env.CUDA_VISIBLE_DEVICES = plan.gpus.map(({ index }) => index).join(',');
  }
}

/** Instances go round the GPUs; with more than one GPU each needs a process of its own. */
export function placeInstances(plan: DevicePlan, instances: number): Placement[] {
  return Array.from({ length: instances }, (_, index): Placement => {
    const gpu = plan.gpus[index % plan.gpus.length];
    return plan.gpus.length > 1 && gpu !== undefined
      ? { kind: 'process', visibleDevice: gpu.index }
      : // A card that waits for its thread is worth more than any core.
        { kind: 'thread', background: plan.device === 'cpu' };
  });
}

export interface DeviceDefaults {
  readonly instances: number;
  readonly maxBatchSize: number;
  /** How far apart the sizes are that batches are padded to. */
  readonly batchSizeSteps: 'powers-of-two' | 'fine';
  readonly intraOpThreads: number | undefined;
}

/**
 * A GPU wants few instances and large batches. A CPU is used best by several instances of one
 * thread each with small batches.
 */
export function deviceDefaults(plan: DevicePlan, instances: number | undefined): DeviceDefaults {
  if (plan.device === 'gpu') {
    return {
      instances: instances ?? plan.gpus.length,
      maxBatchSize: 32,
      batchSizeSteps: 'powers-of-two',
      intraOpThreads: undefined,
    };
  }
  const cores = availableParallelism();
  const count = instances ?? Math.min(cores, 4);
  return {
    instances: count,
    maxBatchSize: 4,
    batchSizeSteps: 'fine',
    intraOpThreads: Math.max(1, Math.floor(cores / count)),
  };
}

function driverPresent(): boolean {
  return existsSync('/proc/driver/nvidia/version') || existsSync('/dev/nvidiactl');
}

function listGpus(): Gpu[] {
  try {
    const lines = execFileSync(
      'nvidia-smi',
      ['--query-gpu=index,name,memory.total', '--format=csv,noheader,nounits'],
      { encoding: 'utf8', timeout: 10_000, stdio: ['ignore', 'pipe', 'ignore'] },
    );
    return lines
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [index = '', name = '', memory] = line.split(',').map((part) => part.trim());
        return { index, name, memoryMib: memory === undefined ? undefined : Number(memory) };
      });
  } catch {
    // A container may have the driver without the tool.
    return existsSync('/dev/nvidia0')
      ? [{ index: '0', name: 'NVIDIA GPU', memoryMib: undefined }]
      : [];
  }
}
