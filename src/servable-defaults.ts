import type { Config } from './config/schema';
import type { ServableDefaults } from './models/servable-spec';
import type { DeviceDefaults } from './runtime/devices';

/** What holds for models that do not say otherwise: the configuration, then the device. */
export function servableDefaults(config: Config, device: DeviceDefaults): ServableDefaults {
  return {
    instances: device.instances,
    maxBatchSize: config.maxBatchSize ?? device.maxBatchSize,
    batchSizeSteps: device.batchSizeSteps,
    maxQueueDelayMs: config.maxQueueDelayMs,
    maxQueueSize: config.maxQueueSize,
    queueTimeoutMs: config.queueTimeoutMs,
  };
}
