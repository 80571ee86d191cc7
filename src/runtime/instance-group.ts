import { ServingError, messageOf } from '../kernel/errors';
import { Instance, type InstanceInfo, type RunOutput, type RunRequest } from './instance';
import type { Placement } from './instance-channel';

export interface InstanceGroupOptions {
  /** SavedModel folder. Asked at every start of a worker: a rewritten model may go from its cache. */
  readonly directory: () => string;
  /** One entry an instance. */
  readonly placements: readonly Placement[];
  readonly runTimeoutMs: number;
  readonly loadTimeoutMs: number;
  /** Run on every fresh instance before it takes work, so that no client meets a cold one. */
  readonly warmup: (instance: Instance, info: InstanceInfo) => Promise<void>;
  /** First pause before a lost worker is started again; doubles up to `maxBackoffMs`. */
  readonly backoffMs?: number;
  readonly maxBackoffMs?: number;
}

export interface InstanceGroupEvents {
  /** A slot became free, or an instance came or went. */
  readonly onChange?: () => void;
  readonly onRestart?: (index: number, reason: string) => void;
  readonly onStartFailed?: (index: number, reason: string) => void;
}

/** What the batcher sees of one instance. */
export interface InstanceSnapshot {
  readonly index: number;
  /** Runs posted and not answered: 0 idle, 1 running, 2 running with one prefetched. */
  readonly inFlight: number;
}

interface Slot {
  readonly index: number;
  readonly placement: Placement;
  current: Instance | undefined;
  /** One that is loading or warming. */
  starting: Instance | undefined;
  ready: boolean;
  /** Losses and failed starts since the last successful run. */
  failures: number;
  retry: NodeJS.Timeout | undefined;
}

/**
 * The workers of one model version. Lost workers are replaced with back-off; the group itself lives
 * until it is closed.
 */
export class InstanceGroup {
  readonly #options: InstanceGroupOptions;
  readonly #events: InstanceGroupEvents;
  readonly #slots: Slot[];
  #info: InstanceInfo | undefined;
  #closed = false;
  #restarts = 0;
  /** When the last working instance was lost. */
  #failingSince: number | undefined;

  constructor(options: InstanceGroupOptions, events: InstanceGroupEvents = {}) {
    this.#options = options;
    this.#events = events;
    this.#slots = options.placements.map((placement, index) => ({
      index,
      placement,
      current: undefined,
      starting: undefined,
      ready: false,
      failures: 0,
      retry: undefined,
    }));
  }

  /** Facts of the loaded model. @throws ServingError MODEL_NOT_READY before `start` resolved */
  get info(): InstanceInfo {
    if (this.#info === undefined) throw new ServingError('MODEL_NOT_READY', 'The model is loading');
    return this.#info;
  }

  /** Workers replaced since the start. */
  get restarts(): number {
    return this.#restarts;
  }

  get size(): number {
    return this.#slots.length;
  }

  /** Instances that take work now. */
  get readyCount(): number {
    return this.#slots.filter((slot) => slot.ready).length;
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

  get #works(): boolean {
    return this.#slots.some(({ ready, failures }) => ready && failures < 2);
  }

  snapshot(): InstanceSnapshot[] {
    return this.#slots.flatMap((slot) =>
      slot.ready && slot.current !== undefined
        ? [{ index: slot.index, inFlight: slot.current.inFlight }]
        : [],
    );
  }

  /**
   * Loads and warms every instance. One that cannot load fails the whole group, which is then
   * closed: at this point that is a fault of the model, not of a worker.
   * @throws Error with the reason
   */
  async start(): Promise<InstanceInfo> {
    try {
      // The first alone: a model that cannot load should cost one worker, not all of them.
      const [first, ...others] = this.#slots;
      if (first === undefined) throw new Error('an instance group needs at least one instance');
      await this.#launch(first);
      await Promise.all(others.map((slot) => this.#launch(slot)));
    } catch (thrown) {
      this.kill();
      throw thrown;
    }
    return this.info;
  }

  /**
   * Runs on one instance.
   * @throws RunFailedError, ServingError WORKER_LOST
   */
  async run(index: number, request: RunRequest): Promise<RunOutput> {
    const slot = this.#slots[index];
    const instance = slot?.current;
    if (slot === undefined || instance === undefined) {
      throw new ServingError('WORKER_LOST', 'The worker is being replaced');
    }
    try {
      const output = await instance.run(request);
      slot.failures = 0;
      this.#failingSince = undefined;
      return output;
    } finally {
      this.#events.onChange?.();
    }
  }

  /** Lets running work finish, then ends all workers. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(
      this.#slots.map(async (slot) => {
        clearTimeout(slot.retry);
        slot.ready = false;
        slot.starting?.kill('the instance group was closed');
        await slot.current?.close();
      }),
    );
  }

  /** Ends all workers at once. */
  kill(): void {
    this.#closed = true;
    for (const slot of this.#slots) {
      clearTimeout(slot.retry);
      slot.ready = false;
      slot.current?.kill('the instance group was closed');
      slot.starting?.kill('the instance group was closed');
    }
  }

  async #launch(slot: Slot): Promise<void> {
    const instance = await this.#startInstance(slot);
    if (this.#closed) {
      instance.kill('the instance group was closed');
      return;
    }
    this.#adopt(slot, instance);
  }

  /** Starts, loads and warms a worker, which then gives back the memory that took. */
  async #startInstance(slot: Slot): Promise<Instance> {
    const { directory, runTimeoutMs, loadTimeoutMs, warmup } = this.#options;
    const instance = new Instance({
      directory: directory(),
      placement: slot.placement,
      runTimeoutMs,
      loadTimeoutMs,
    });
    slot.starting = instance;
    try {
      const info = await instance.ready;
      this.#info ??= info;
      await warmup(instance, info);
      instance.trimMemory();
    } catch (thrown) {
      instance.kill('the start failed');
      throw thrown;
    } finally {
      slot.starting = undefined;
    }
    return instance;
  }

  #adopt(slot: Slot, instance: Instance): void {
    slot.current = instance;
    slot.ready = true;
    if (instance.hasRun) this.#failingSince = undefined;
    void instance.ended.then((reason) => {
      if (slot.current !== instance || this.#closed) return;
      if (this.#works || this.#failingSince === undefined) this.#failingSince = performance.now();
      slot.current = undefined;
      slot.ready = false;
      this.#restarts += 1;
      this.#events.onRestart?.(slot.index, reason);
      this.#relaunch(slot);
      this.#events.onChange?.();
    });
    this.#events.onChange?.();
  }

  /** The first loss is made good at once; a worker that keeps dying waits longer each time. */
  #relaunch(slot: Slot): void {
    const { backoffMs = 100, maxBackoffMs = 30_000 } = this.#options;
    const pause = slot.failures === 0 ? 0 : Math.min(backoffMs * 2 ** slot.failures, maxBackoffMs);
    slot.failures += 1;
    slot.retry = setTimeout(() => {
      if (this.#closed) return;
      this.#launch(slot).catch((thrown: unknown) => {
        if (this.#closed) return;
        this.#events.onStartFailed?.(slot.index, messageOf(thrown));
        this.#relaunch(slot);
      });
    }, pause);
  }
}
