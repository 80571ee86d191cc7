import type { PlannedRetry } from './load-retries';
import type { ResidencyOptions } from './residency/create-resident-models';
import type { EvictionReason } from './residency/resident-models';
import type { Servable, ServableEvents, ServableOptions, ServableRuntimeOptions } from './servable';
import type { ServableDefaults } from './servable-spec';

export interface ModelManagerOptions {
  /** Model repository folder. */
  readonly repository: string;
  /** Names to serve; all when empty. With explicit control, those loaded at the start. */
  readonly only: readonly string[];
  /**
   * explicit: after the start, models come and go by `load` and `unload` alone.
   * @default 'none'
   */
  readonly control?: 'none' | 'explicit' | 'poll';
  readonly defaults: ServableDefaults;
  readonly runtime: ServableRuntimeOptions;
  /** Versions that load at the same time. */
  readonly loadConcurrency: number;
  /**
   * How often a version that failed to load is tried again.
   * @default 5, as TensorFlow Serving
   */
  readonly maxLoadRetries?: number | undefined;
  /** Milliseconds between two attempts. @default 60 000 */
  readonly loadRetryIntervalMs?: number | undefined;
  /**
   * Milliseconds that every version may be without a working instance before the server counts as
   * beyond recovery; 0: never.
   * @default 300 000
   */
  readonly livenessTimeoutMs?: number | undefined;
  /**
   * What models may take that come and go by their requests.
   * @default no limit, and what they need is not remembered beyond the process
   */
  readonly residency?: ResidencyOptions | undefined;
  /** Makes the servable of a version. @default Servable */
  readonly createServable?: ((options: ServableOptions) => Servable) | undefined;
}

export interface ModelEvents {
  /**
   * A state was reached; `reason` with END after a failed load, and `retry` when another attempt
   * follows.
   */
  readonly onState?: (servable: Servable, retry?: PlannedRetry) => void;
  /** A model was unloaded that its next request loads again. */
  readonly onEvicted?: (servable: Servable, reason: EvictionReason) => void;
  readonly onProblem?: (model: string, problems: readonly string[]) => void;
  /** Events of one servable, for metrics. */
  readonly servableEvents?: (model: string, version: number) => ServableEvents;
}
