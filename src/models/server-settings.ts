import path from 'node:path';

import type { Config } from '../config/schema';
import { memoryLimit } from '../process/memory-limit';
import { defaultCacheDirectory } from '../process/cache-directory';
import {
  defaultThreads,
  deviceDefaults,
  planDevices,
  type DeviceDefaults,
  type DevicePlan,
} from '../runtime/devices';
import { placeInstances, type Placement } from '../runtime/placement';
import { readRuntimeInstall, type RuntimeInstall } from '../runtime/runtime-install';
import type { ServableDefaults, ServableSpec } from './servable-spec';

/** What of a model decides where its instances run. */
export type Resources = Pick<ServableSpec, 'instances' | 'threads' | 'gpuMemoryMiB'>;

/** What follows from the configuration and the machine, the same for the server and its commands. */
export interface ServerSettings {
  /** Undefined when set-up has not run. */
  readonly install: RuntimeInstall | undefined;
  readonly plan: DevicePlan;
  readonly device: DeviceDefaults;
  /** What holds for models that do not say otherwise: the configuration, then the device. */
  readonly defaults: ServableDefaults;
  /** Folder for what can be made again. */
  readonly cacheDirectory: string;
  /** Bytes that runs may take at once; undefined on a GPU, whose memory TensorFlow manages. */
  readonly maxRunMemory: number | undefined;
  /** One entry an instance. */
  readonly place: (resources: Resources) => readonly Placement[];
}

export function serverSettings(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
): ServerSettings {
  const install = readRuntimeInstall();
  const plan = planDevices(install, config.gpus, env);
  const device = deviceDefaults(plan, config.instances);
  const cacheDirectory = path.resolve(config.cache ?? defaultCacheDirectory(env));
  return {
    install,
    plan,
    device,
    cacheDirectory,
    defaults: {
      instances: device.instances,
      maxBatchSize: config.maxBatchSize ?? device.maxBatchSize,
      batchSizeSteps: device.batchSizeSteps,
      maxQueueDelayMs: config.maxQueueDelayMs,
      maxQueueSize: config.maxQueueSize,
      queueTimeoutMs: config.queueTimeoutMs,
      maxInstanceMemory: config.maxInstanceMemory ?? Math.floor(memoryLimit() / 2),
      gpuMemoryMiB: config.gpuMemoryMiB,
    },
    maxRunMemory:
      plan.device === 'gpu' ? undefined : (config.maxRunMemory ?? Math.floor(memoryLimit() / 16)),
    place: ({ instances, threads, gpuMemoryMiB }) =>
      placeInstances(
        plan,
        {
          instances,
          threads: threads ?? config.intraOpThreads,
          defaultThreads: defaultThreads(plan, instances),
          gpuMemoryGrowth: config.gpuMemoryGrowth,
          gpuMemoryMiB,
          cacheDirectory,
          verbose: config.logLevel === 'debug' || config.logLevel === 'trace',
        },
        env,
      ),
  };
}
