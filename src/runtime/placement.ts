import path from 'node:path';

import { contextConfig } from './config-proto';
import type { DevicePlan } from './devices';
import type { Gpu } from './gpus';

/** Where an instance runs, and how. */
export interface Placement {
  /** Variables of its process besides those of the server. */
  readonly env: Readonly<Record<string, string>>;
  /** Gives way to the server: right where TensorFlow computes on the cores that it needs. */
  readonly background: boolean;
}

export interface PlacementOptions {
  readonly instances: number;
  /**
   * Threads of one TensorFlow operation, as configured; TF_NUM_INTRAOP_THREADS from outside gives way
   * to it.
   */
  readonly threads?: number | undefined;
  /** The same where neither is given. */
  readonly defaultThreads?: number | undefined;
  /** Take GPU memory as it is needed rather than all at the start. */
  readonly gpuMemoryGrowth: boolean;
  /** MiB of a GPU's memory that an instance takes at most. @default no limit */
  readonly gpuMemoryMiB?: number | undefined;
  /** Whether TensorFlow's own log is wanted. @default false */
  readonly verbose?: boolean | undefined;
  /** The project's folder for what can be made again. */
  readonly cacheDirectory: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What the driver keeps of kernels that it has compiled; its default of 1 GiB is too small. */
const CUDA_CACHE_BYTES = 4 * 1024 ** 3;

/** Instances go round the GPUs. @param env of the server: what an operator has set there stays */
export function placeInstances(
  plan: DevicePlan,
  options: PlacementOptions,
  env: Environment,
): Placement[] {
  return Array.from({ length: options.instances }, (_, index) => ({
    env: instanceEnvironment(plan.gpus[index % Math.max(1, plan.gpus.length)], options, env),
    // A card that waits for its thread is worth more than any core.
    background: plan.device === 'cpu',
  }));
}

/**
 * What TensorFlow and CUDA read from the environment when they are loaded.
 * @param gpu the one to use; the CPU when undefined
 */
function instanceEnvironment(
  gpu: Gpu | undefined,
  options: Omit<PlacementOptions, 'instances'>,
  env: Environment,
): Record<string, string> {
  const set: Record<string, string> = {};
  const offer = (name: string, value: string): void => {
    if (env[name] === undefined) set[name] = value;
  };
  offer('TF_CPP_MIN_LOG_LEVEL', options.verbose === true ? '0' : '2');
  if (options.threads !== undefined) set.TF_NUM_INTRAOP_THREADS = String(options.threads);
  else if (options.defaultThreads !== undefined) {
    offer('TF_NUM_INTRAOP_THREADS', String(options.defaultThreads));
  }
  if (gpu === undefined) return set;
  // CUDA's own order, fastest first, is not nvidia-smi's.
  set.CUDA_DEVICE_ORDER = 'PCI_BUS_ID';
  set.CUDA_VISIBLE_DEVICES = gpu.id;
  offer('CUDA_CACHE_PATH', path.join(path.resolve(options.cacheDirectory), 'cuda'));
  offer('CUDA_CACHE_MAXSIZE', String(CUDA_CACHE_BYTES));
  offer('TF_FORCE_GPU_ALLOW_GROWTH', String(options.gpuMemoryGrowth));
  set.TFJS_SERVING_CONTEXT_CONFIG = Buffer.from(contextConfig(options)).toString('hex');
  return set;
}

/** What an operator has set that does harm, in sentences. */
export function environmentWarnings(plan: DevicePlan, env: Environment): string[] {
  if (plan.device === 'cpu' || !/^(1|true)$/i.test(env.TF_FORCE_UNIFIED_MEMORY ?? '')) return [];
  return [
    'TF_FORCE_UNIFIED_MEMORY is set: models that do not fit into the GPU spill into the memory of the machine, which is slower by orders of magnitude, and nothing says so; unset it, or serve fewer or smaller models',
  ];
}
