import type { Config } from '../config/schema';
import {
  deviceDefaults,
  planDevices,
  readRuntimeInstall,
  type DeviceDefaults,
  type DevicePlan,
  type RuntimeInstall,
} from '../runtime/devices';
import type { ServableDefaults } from './servable-spec';

/** What follows from the configuration and the machine, the same for the server and its commands. */
export interface ServerSettings {
  /** Undefined when set-up has not run. */
  readonly install: RuntimeInstall | undefined;
  readonly plan: DevicePlan;
  readonly device: DeviceDefaults;
  /** What holds for models that do not say otherwise: the configuration, then the device. */
  readonly defaults: ServableDefaults;
}

export function serverSettings(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
): ServerSettings {
  const install = readRuntimeInstall();
  const plan = planDevices(install, config.gpus, env);
  const device = deviceDefaults(plan, config.instances);
  return {
    install,
    plan,
    device,
    defaults: {
      instances: device.instances,
      maxBatchSize: config.maxBatchSize ?? device.maxBatchSize,
      batchSizeSteps: device.batchSizeSteps,
      maxQueueDelayMs: config.maxQueueDelayMs,
      maxQueueSize: config.maxQueueSize,
      queueTimeoutMs: config.queueTimeoutMs,
    },
  };
}
