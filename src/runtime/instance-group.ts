import { ServingError } from '../kernel/errors';
import type { RunRequest, RunResult } from '../kernel/run';
import { RunLostError, type InstanceEnd } from '../kernel/run-lost-error';
import {
  ProcessInstance,
  type Instance,
  type InstanceInfo,
  type InstanceOptions,
} from './instance';
import { InstanceSlot, type InstanceSlotOptions } from './instance-slot';
import type { Placement } from './placement';

export interface InstanceGroupOptions
  extends Omit<InstanceOptions, 'directory' | 'placement'>, Omit<InstanceSlotOptions, 'create'> {
  /** SavedModel folder. Asked at every start of an instance: a rewritten model may go from its cache. */
  readonly directory: () => string;
  /** One entry an instance. */
  readonly placements: readonly Placement[];
  /** @default an instance in a process of its own */
  readonly createInstance?: ((options: InstanceOptions) => Instance) | undefined;
}

export interface InstanceGroupEvents {
  /** A slot became free, or an instance came or went. */
  readonly onChange?: (() => void) | undefined;
  /** An instance that was serving has ended. */
  readonly onLost?: ((index: number, end: InstanceEnd) => void) | undefined;
  readonly onStartFailed?: ((index: number, reason: string) => void) | undefined;
  /** An instance is replaced by one in a better state; it was no loss. */
  readonly onRenewed?: ((index: number, reason: string) => void) | undefined;
}

/** What the batcher sees of one instance. */
export interface InstanceSnapshot {
  readonly index: number;
  /** Runs posted and not answered: 0 idle, 1 running, 2 running with one prefetched. */
  readonly inFlight: number;
}

/**
 * The instances of one model version. Lost ones are replaced; the group itself lives until it is
 * closed.
 */
export class InstanceGroup {
  readonly #options: InstanceGroupOptions;
  readonly #events: InstanceGroupEvents;
  readonly #slots: readonly InstanceSlot[];
  #info: InstanceInfo | undefined;
  #restarts = 0;
  /** When the last working instance was lost. */
  #failingSince: number | undefined;

  constructor(options: InstanceGroupOptions, events: InstanceGroupEvents = {}) {
    this.#options = options;
    this.#events = events;
    this.#slots = options.placements.map((placement, index) => this.#slot(placement, index));
  }

  /** Facts of the loaded model. @throws ServingError MODEL_NOT_READY before `start` resolved */
  get info(): InstanceInfo {
    if (this.#info === undefined) throw new ServingError('MODEL_NOT_READY', 'The model is loading');
    return this.#info;
  }

  /** Instances lost since the start. */
  get restarts(): number {
    return this.#restarts;
  }

  get size(): number {
    return this.#slots.length;
  }

  /** Instances that take work now. */
  get readyCount(): number {
    return this.#slots.filter(({ ready }) => ready).length;
  }

  /**
   * Milliseconds since an instance last worked; 0 when one works. One that starts and is lost again
   * before it has answered a run does not work.
   */
  get failingMs(): number {
    return this.#failingSince === undefined || this.#works
      ? 0
      : performance.now() - this.#failingSince;
  }

  /** Bytes that a run may take on any instance; Infinity without a limit. */
  get headroomBytes(): number {
    return Math.min(...this.#slots.map(({ headroomBytes }) => headroomBytes));
  }

  /** Processes of its instances. */
  get processes(): number[] {
    return this.#slots.flatMap(({ processId }) => (processId === undefined ? [] : [processId]));
  }

  /** Bytes in memory, pages that instances share counted in each. */
  get residentBytes(): number {
    return this.#slots.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
  }

  get #works(): boolean {
    return this.#slots.some(({ works }) => works);
  }

  snapshot(): InstanceSnapshot[] {
    return this.#slots.flatMap(({ ready, inFlight }, index) =>
      ready ? [{ index, inFlight }] : [],
    );
  }

  /**
   * Loads and warms every instance. One that cannot load fails the whole group, which is then
   * closed: at this point that is a fault of the model, not of an instance.
   * @throws Error with the reason
   */
  async start(): Promise<InstanceInfo> {
    try {
      // The first alone: a model that cannot load should cost one process, not all of them.
      const [first, ...others] = this.#slots;
      if (first === undefined) throw new Error('an instance group needs at least one instance');
      await first.launch();
      await Promise.all(others.map((slot) => slot.launch()));
    } catch (thrown) {
      this.kill();
      throw thrown;
    }
    return this.info;
  }

  /**
   * Runs on one instance.
   * @throws RunFailedError, RunLostError
   */
  async run(index: number, request: RunRequest): Promise<RunResult> {
    const slot = this.#slots[index];
    if (slot === undefined) {
      throw new RunLostError({ reason: 'there is no such instance', cause: 'crash' }, false);
    }
    try {
      const result = await slot.run(request);
      this.#failingSince = undefined;
      return result;
    } finally {
      this.#events.onChange?.();
    }
  }

  /** Lets running work finish, then ends all instances; resolves when nothing of them is left. */
  async close(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.close()));
  }

  /** Ends all instances at once. */
  kill(): void {
    for (const slot of this.#slots) slot.kill();
  }

  #slot(placement: Placement, index: number): InstanceSlot {
    const { directory, runTimeoutMs, loadTimeoutMs, maxBytes, createInstance } = this.#options;
    const create = (): Instance => {
      const options = { directory: directory(), placement, runTimeoutMs, loadTimeoutMs, maxBytes };
      return createInstance === undefined ? new ProcessInstance(options) : createInstance(options);
    };
    return new InstanceSlot(
      { ...this.#options, create },
      {
        onReady: (instance, info) => {
          this.#info ??= info;
          if (instance.hasRun) this.#failingSince = undefined;
          this.#events.onChange?.();
        },
        onLosing: () => {
          if (this.#works || this.#failingSince === undefined) {
            this.#failingSince = performance.now();
          }
        },
        onLost: (end) => {
          this.#restarts += 1;
          this.#events.onLost?.(index, end);
          this.#events.onChange?.();
        },
        onStartFailed: (reason) => this.#events.onStartFailed?.(index, reason),
        onRenewed: (reason) => this.#events.onRenewed?.(index, reason),
      },
    );
  }
}
