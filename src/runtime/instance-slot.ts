import { messageOf } from '../kernel/errors';
import { mebibytes } from '../kernel/mebibytes';
import type { RunRequest, RunResult } from '../kernel/run';
import { RunLostError, type InstanceEnd } from '../kernel/run-lost-error';
import type { Instance, InstanceInfo } from './instance';

export interface InstanceSlotOptions {
  /** Makes an instance, which begins to load. */
  readonly create: () => Instance;
  /** Run on every fresh instance before it takes work, so that no client meets a cold one. */
  readonly warmup: (instance: Instance, info: InstanceInfo) => Promise<void>;
  /**
   * First pause before a lost instance is started again, in ms; doubles up to `maxBackoffMs`.
   * @default 100
   */
  readonly backoffMs?: number | undefined;
  /** @default 30 000 */
  readonly maxBackoffMs?: number | undefined;
  /** An instance that keeps so many bytes from larger runs is renewed. @default 256 MiB */
  readonly maxExcessBytes?: number | undefined;
  /** Milliseconds without a run before that. @default 5000 */
  readonly idleMs?: number | undefined;
}

export interface InstanceSlotEvents {
  /** The instance takes runs from now on. */
  readonly onReady: (instance: Instance, info: InstanceInfo) => void;
  /** Called before it stops being ready. */
  readonly onLosing: () => void;
  /** An instance that was serving has ended. */
  readonly onLost: (end: InstanceEnd) => void;
  readonly onStartFailed: (reason: string) => void;
  /** An instance is replaced by one in a better state, for the reason given; it was no loss. */
  readonly onRenewed: (reason: string) => void;
}

const MAX_EXCESS_BYTES = 256 * 1024 * 1024;
const IDLE_MS = 5000;
const CLOSED = 'the instance group was closed';

/** A place that an instance is kept in: one that is lost is replaced, with back-off. */
export class InstanceSlot {
  readonly #options: InstanceSlotOptions;
  readonly #events: InstanceSlotEvents;
  /** From its start on, so that closing ends one that loads too. */
  #current: Instance | undefined;
  /** Of one that keeps too much memory, until it serves. */
  #successor: Instance | undefined;
  #ready = false;
  #closed = false;
  /** Losses and failed starts since the last successful run. */
  #failures = 0;
  #lastRunAt = 0;
  #retry: NodeJS.Timeout | undefined;
  #idleCheck: NodeJS.Timeout | undefined;

  constructor(options: InstanceSlotOptions, events: InstanceSlotEvents) {
    this.#options = options;
    this.#events = events;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Runs posted and not answered. */
  get inFlight(): number {
    return this.#current?.inFlight ?? 0;
  }

  /** Ready, and not lost again and again since it last answered a run. */
  get works(): boolean {
    return this.#ready && this.#failures < 2;
  }

  /** Bytes that a run may take; Infinity without a limit, or while there is no instance. */
  get headroomBytes(): number {
    return this.#ready ? (this.#current?.headroomBytes ?? Infinity) : Infinity;
  }

  get processId(): number | undefined {
    return this.#current?.processId;
  }

  /** Bytes in memory now. */
  get residentBytes(): number {
    return this.#current?.residentBytes ?? 0;
  }

  /** Starts an instance. @throws Error with the reason when it cannot be loaded or warmed */
  async launch(): Promise<void> {
    const instance = this.#create();
    this.#current = instance;
    const info = await this.#prepare(instance);
    this.#adopt(instance, info);
  }

  /** @throws RunFailedError, RunLostError */
  async run(request: RunRequest): Promise<RunResult> {
    const instance = this.#current;
    if (instance === undefined || !this.#ready) {
      throw new RunLostError({ reason: 'the instance is being replaced', cause: 'crash' }, false);
    }
    try {
      const result = await instance.run(request);
      this.#failures = 0;
      return result;
    } finally {
      this.#lastRunAt = performance.now();
      this.#checkWhenIdle(this.#options.idleMs ?? IDLE_MS);
    }
  }

  /** Lets running work finish, then ends the instance; resolves when nothing of it is left. */
  async close(): Promise<void> {
    this.#stop();
    // One that is still loading has nothing to finish.
    if (!this.#ready) this.#current?.kill(CLOSED);
    this.#ready = false;
    await this.#current?.close();
  }

  /** Ends the instance at once. */
  kill(): void {
    this.#stop();
    this.#ready = false;
    this.#current?.kill(CLOSED);
  }

  #stop(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#idleCheck);
    this.#successor?.kill(CLOSED);
  }

  #create(): Instance {
    if (this.#closed) throw new Error(CLOSED);
    return this.#options.create();
  }

  /** Waits until it is loaded, and warms it; it then gives back the memory that took. */
  async #prepare(instance: Instance): Promise<InstanceInfo> {
    try {
      const info = await instance.ready;
      await this.#options.warmup(instance, info);
      if (this.#closed) throw new Error(CLOSED);
      instance.settle();
      return info;
    } catch (thrown) {
      instance.kill('the start failed');
      throw thrown;
    }
  }

  #adopt(instance: Instance, info: InstanceInfo): void {
    this.#current = instance;
    this.#ready = true;
    void instance.ended.then((end) => this.#lose(instance, end));
    this.#events.onReady(instance, info);
  }

  async #lose(instance: Instance, end: InstanceEnd): Promise<void> {
    if (this.#closed || this.#current !== instance) return;
    this.#events.onLosing();
    this.#ready = false;
    const renewed = end.cause === 'renewal';
    if (renewed) this.#events.onRenewed(end.reason);
    else this.#events.onLost(end);
    // Not before: two of them might be more than there is memory for.
    await instance.gone;
    if (renewed) this.#launchAgain(0);
    else this.#relaunch();
  }

  /** The first loss is made good at once; an instance that keeps ending waits longer each time. */
  #relaunch(): void {
    const { backoffMs = 100, maxBackoffMs = 30_000 } = this.#options;
    const failures = this.#failures;
    const pause = failures === 0 ? 0 : Math.min(backoffMs * 2 ** failures, maxBackoffMs);
    this.#failures += 1;
    this.#launchAgain(pause);
  }

  #launchAgain(pause: number): void {
    if (this.#closed) return;
    this.#retry = setTimeout(() => {
      this.launch().catch((thrown: unknown) => {
        if (this.#closed) return;
        this.#events.onStartFailed(messageOf(thrown));
        this.#relaunch();
      });
    }, pause);
  }

  #checkWhenIdle(ms: number): void {
    if (this.#closed) return;
    this.#idleCheck ??= setTimeout(() => {
      this.#idleCheck = undefined;
      const { idleMs = IDLE_MS, maxExcessBytes = MAX_EXCESS_BYTES } = this.#options;
      const idleFor = performance.now() - this.#lastRunAt;
      const current = this.#current;
      // A run that is under way looks again at its end.
      if (!this.#ready || current === undefined || current.inFlight > 0) return;
      if (idleFor < idleMs) this.#checkWhenIdle(idleMs - idleFor);
      else if (current.excessBytes > maxExcessBytes) void this.#renew(current);
    }, ms).unref();
  }

  /**
   * TensorFlow's allocator keeps what a large run needed, for good: only the end of the process gives
   * it back. The successor serves before the predecessor goes.
   */
  async #renew(old: Instance): Promise<void> {
    if (this.#successor !== undefined) return;
    const excess = mebibytes(old.excessBytes);
    try {
      const instance = this.#create();
      this.#successor = instance;
      const info = await this.#prepare(instance);
      if (this.#current !== old || !this.#ready) throw new Error('it was lost meanwhile');
      this.#adopt(instance, info);
      this.#successor = undefined;
      this.#events.onRenewed(`it kept ${excess} of memory from larger runs`);
      await old.close();
    } catch (thrown) {
      // The old one still serves, or is being replaced.
      this.#successor?.kill('it is not needed');
      this.#successor = undefined;
      if (!this.#closed) this.#events.onStartFailed(messageOf(thrown));
    }
  }
}
