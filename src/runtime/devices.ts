import { availableParallelism } from 'node:os';

import { cudaFault } from './cuda-driver';
import { findGpu, hasGpuDriver, listGpus, type Gpu } from './gpus';
import type { RuntimeInstall } from './runtime-install';

export interface DevicePlan {
  readonly device: 'gpu' | 'cpu';
  /** GPUs that will be used; empty on the CPU. */
  readonly gpus: readonly Gpu[];
  /** Why no GPU is used. */
  readonly reason: string | undefined;
}

/** What there is. */
export interface DeviceInventory {
  readonly hasDriver: () => boolean;
  readonly listGpus: () => readonly Gpu[];
  /** Why CUDA cannot be used although there are GPUs; undefined when it can. */
  readonly cudaFault: () => string | undefined;
}

/** @param wanted GPU indices or ids; CUDA_VISIBLE_DEVICES, else the first GPU, when absent */
export function planDevices(
  install: RuntimeInstall | undefined,
  wanted: readonly string[] | undefined,
  env: Readonly<Record<string, string | undefined>>,
  inventory: DeviceInventory = { hasDriver: hasGpuDriver, listGpus, cudaFault },
): DevicePlan {
  const cpu = (reason: string): DevicePlan => ({ device: 'cpu', gpus: [], reason });
  if (install?.variant === 'cpu') {
    return cpu(
      inventory.hasDriver()
        ? 'the CPU variant of TensorFlow is installed although there is an NVIDIA driver; run: npx tfjs-serving setup --variant gpu'
        : 'there is no NVIDIA driver on this machine',
    );
  }
  const visible = wanted ?? env.CUDA_VISIBLE_DEVICES?.split(',').filter((id) => id !== '');
  if (visible?.length === 0 || visible?.[0] === '-1') {
    return cpu('CUDA_VISIBLE_DEVICES hides every GPU');
  }
  const all = inventory.listGpus();
  if (all.length === 0) return cpu('no NVIDIA GPU was found');
  // Last, as it takes the longest to find out.
  const fault = inventory.cudaFault();
  if (fault !== undefined) return cpu(fault);
  const gpus = visible?.map((id) => findGpu(all, id)) ?? all.slice(0, 1);
  return { device: 'gpu', gpus, reason: undefined };
}

export interface DeviceDefaults {
  readonly instances: number;
  readonly maxBatchSize: number;
  /** How far apart the sizes are that batches are padded to. */
  readonly batchSizeSteps: 'powers-of-two' | 'fine';
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
    };
  }
  return {
    instances: instances ?? Math.min(availableParallelism(), 4),
    maxBatchSize: 4,
    batchSizeSteps: 'fine',
  };
}

/**
 * Threads of one TensorFlow operation where nobody says: on the CPU the cores are shared among the
 * instances of a model; on a GPU TensorFlow decides (undefined).
 */
export function defaultThreads({ device }: DevicePlan, instances: number): number | undefined {
  return device === 'gpu' ? undefined : Math.max(1, Math.floor(availableParallelism() / instances));
}
