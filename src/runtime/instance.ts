import { mebibytes } from '../kernel/mebibytes';
import { RunFailedError } from '../kernel/run-failed-error';
import { RunLostError, type InstanceEnd } from '../kernel/run-lost-error';
import type { RunRequest, RunResult } from '../kernel/run';
import { processMemory } from '../process/process-memory';
import type { DeviceKind } from './backend';
import { deferred } from './deferred';
import { openChannel, type InstanceChannel, type OpenChannel } from './instance-channel';
import { endOfProcess, outOfMemoryKills } from './instance-end';
import type { FromInstance } from './messages';
import type { Placement } from './placement';
import { SharedLane } from './shared-lane';
import { copyOf, fromWire, toWire, type WireTensor } from './wire-tensor';

export interface InstanceOptions {
  /** SavedModel folder. */
  readonly directory: string;
  readonly placement: Placement;
  /** Milliseconds one run may take before the process counts as hung. */
  readonly runTimeoutMs: number;
  /** Milliseconds from start to loaded. */
  readonly loadTimeoutMs: number;
  /** Bytes that the process may have in memory. @default no limit */
  readonly maxBytes?: number | undefined;
}

export interface InstanceInfo {
  readonly device: DeviceKind;
  readonly tensorflowVersion: string;
  readonly loadMs: number;
}

/** One loaded copy of a model. Once it has ended it is never used again. */
export interface Instance {
  /** Settles when the SavedModel is loaded; rejects with the reason when it cannot be. */
  readonly ready: Promise<InstanceInfo>;
  /** Resolves as soon as it takes no more runs, however that came about. */
  readonly ended: Promise<InstanceEnd>;
  /** Resolves when nothing of it is left. */
  readonly gone: Promise<void>;
  /** Whether a run has succeeded. */
  readonly hasRun: boolean;
  /** Bytes that a run may take beyond what the instance holds anyway; Infinity without a limit. */
  readonly headroomBytes: number;
  /** Bytes in memory now, those that it shares with others included. */
  readonly residentBytes: number;
  /** Id of its process; undefined when there is none. */
  readonly processId: number | undefined;
  /** Bytes that it keeps beyond what it held when it began to serve. */
  readonly excessBytes: number;
  /** Runs posted and not answered. */
  readonly inFlight: number;
  /**
   * Runs the model once.
   * @throws RunFailedError when TensorFlow refuses, RunLostError when the instance ends first
   */
  run(request: RunRequest): Promise<RunResult>;
  /** To be called when it has been warmed: gives back what that left, and holds the limit of memory. */
  settle(): void;
  /** Lets posted runs finish, then ends it. */
  close(): Promise<void>;
  /** Ends it at once; its runs are lost. */
  kill(reason: string): void;
}

/** What an instance is made of. */
export interface InstanceParts {
  readonly openChannel: OpenChannel;
  readonly createLane: (name: string) => SharedLane;
  /** Bytes that a process has in memory; undefined when it has none. */
  readonly memoryOf: (processId: number) => number | undefined;
  /** Processes killed for want of memory so far. */
  readonly memoryKills: () => number;
}

const PARTS: InstanceParts = {
  openChannel,
  createLane: (name) => SharedLane.create(name),
  memoryOf: (processId) => processMemory(processId)?.resident,
  memoryKills: outOfMemoryKills,
};

/** One run is being worked on, and the next lies ready: the instance never waits for the server. */
const LANES = 2;
/** A run that takes less is not looked at: a limit on allocations guards it meanwhile. */
const WATCH_INTERVAL_MS = 100;

interface Pending {
  readonly lane: number;
  readonly resolve: (result: RunResult) => void;
  readonly reject: (error: Error) => void;
}

/**
 * An instance in a process of its own: whatever a model does to it, the server and the other
 * instances go on. Runs are executed in the order they were posted.
 */
export class ProcessInstance implements Instance {
  readonly ready: Promise<InstanceInfo>;
  readonly ended: Promise<InstanceEnd>;
  readonly gone: Promise<void>;
  readonly #options: InstanceOptions;
  readonly #parts: InstanceParts;
  readonly #lanes: readonly SharedLane[];
  readonly #freeLanes: number[];
  readonly #channel: InstanceChannel;
  /** In the order in which they run. */
  readonly #pending = new Map<number, Pending>();
  readonly #ready = deferred<InstanceInfo>();
  readonly #ended = deferred<InstanceEnd>();
  readonly #gone = deferred<undefined>();
  readonly #memoryKills: number;
  #device: DeviceKind | undefined;
  #nextRun = 1;
  #deadline: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #over = false;
  #closing = false;
  #hasRun = false;
  /** Bytes in memory between runs. */
  #restingBytes = 0;

  constructor(options: InstanceOptions, parts: InstanceParts = PARTS) {
    const { directory, placement, loadTimeoutMs } = options;
    this.#options = options;
    this.#parts = parts;
    this.ready = this.#ready.promise;
    this.ended = this.#ended.promise;
    this.gone = this.#gone.promise.then(() => undefined);
    // Nobody may be waiting when it ends later.
    this.ready.catch(() => undefined);
    this.#memoryKills = parts.memoryKills();
    this.#lanes = Array.from({ length: LANES }, () => parts.createLane('tfjs-serving'));
    this.#freeLanes = this.#lanes.map((_lane, index) => index);
    this.#channel = parts.openChannel(
      {
        directory,
        background: placement.background,
        env: placement.env,
        lanes: this.#lanes.map(({ descriptor }) => descriptor),
      },
      {
        onMessage: (message) => {
          this.#receive(message);
        },
        onExit: (end) => {
          this.#end(endOfProcess(end, parts.memoryKills() > this.#memoryKills));
          for (const lane of this.#lanes) lane.close();
          this.#gone.resolve(undefined);
        },
      },
    );
    this.#busy(loadTimeoutMs, 'loading the model');
  }

  get hasRun(): boolean {
    return this.#hasRun;
  }

  get headroomBytes(): number {
    const { maxBytes } = this.#options;
    return maxBytes === undefined ? Infinity : Math.max(0, maxBytes - this.#restingBytes);
  }

  get excessBytes(): number {
    return this.#restingBytes === 0 ? 0 : Math.max(0, this.residentBytes - this.#restingBytes);
  }

  get processId(): number | undefined {
    return this.#over ? undefined : this.#channel.processId;
  }

  get residentBytes(): number {
    const { processId } = this;
    return processId === undefined ? 0 : (this.#parts.memoryOf(processId) ?? 0);
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  run({ signature, inputs, outputs, measure = false }: RunRequest): Promise<RunResult> {
    const number = this.#freeLanes.pop();
    const lane = this.#lanes[number ?? -1];
    if (this.#over || this.#closing || number === undefined || lane === undefined) {
      if (number !== undefined) this.#freeLanes.push(number);
      const reason = 'the instance takes no more runs';
      return Promise.reject(new RunLostError({ reason, cause: 'closed' }, false));
    }
    return new Promise((resolve, reject) => {
      let wire: WireTensor[];
      try {
        lane.reset();
        wire = inputs((bytes) => lane.allocate(bytes)).map((tensor) => toWire(tensor, lane));
      } catch (thrown) {
        this.#freeLanes.push(number);
        throw thrown;
      }
      const id = this.#nextRun++;
      this.#pending.set(id, { lane: number, resolve, reject });
      if (this.#pending.size === 1) this.#busy(this.#options.runTimeoutMs, 'a run');
      const { capacity, used } = lane;
      this.#channel.post({
        kind: 'run',
        id,
        signature,
        lane: number,
        capacity,
        used,
        inputs: wire,
        outputs,
        measure,
      });
    });
  }

  settle(): void {
    const maxBytes = this.#limited ? this.#options.maxBytes : undefined;
    if (!this.#over && !this.#closing) this.#channel.post({ kind: 'settle', maxBytes });
  }

  async close(): Promise<void> {
    if (!this.#over && !this.#closing) {
      this.#closing = true;
      this.#channel.post({ kind: 'close' });
      if (this.#pending.size === 0) this.#busy(this.#options.runTimeoutMs, 'closing');
    }
    await this.gone;
  }

  kill(reason: string): void {
    this.#kill({ reason, cause: 'closed' });
  }

  /** Whether allocations fail beyond the limit. What a GPU's driver maps is not what it means. */
  get #limited(): boolean {
    return this.#device === 'cpu' && this.#options.maxBytes !== undefined;
  }

  #kill(end: InstanceEnd): void {
    this.#channel.kill();
    this.#end(end);
  }

  #receive(message: FromInstance): void {
    if (this.#over) return;
    switch (message.kind) {
      case 'ready':
        this.#idle();
        this.#device = message.device;
        this.#ready.resolve(message);
        return;
      case 'load-failed':
        this.#kill({ reason: message.message, cause: 'crash' });
        return;
      case 'settled':
        this.#restingBytes = message.residentBytes ?? 0;
        return;
      case 'result':
        this.#hasRun = true;
        this.#settled(message.id, ({ resolve }, lane) => {
          const { inferMs, peakBytes, capacity } = message;
          const outputs = message.outputs.map((wire) => copyOf(fromWire(wire, lane, capacity)));
          resolve({ outputs, inferMs, peakBytes });
        });
        return;
      case 'run-failed': {
        const failure = new RunFailedError(message.message, message.code, this.#device);
        this.#settled(message.id, ({ reject }) => {
          reject(failure);
        });
        if (failure.outOfMemory && this.#limited) this.#endSpoilt();
      }
    }
  }

  /**
   * Refused a large piece of memory, TensorFlow's allocator (BFC) asks for as large a one next time,
   * however little is needed, and takes a tenth less until it gets it: all that the limit leaves. The
   * next small allocation of anything else in the process then fails, and ends it.
   */
  #endSpoilt(): void {
    this.#kill({ reason: 'an input needed more memory than it may take', cause: 'renewal' });
  }

  #settled(id: number, answer: (pending: Pending, lane: SharedLane) => void): void {
    const pending = this.#pending.get(id);
    const lane = this.#lanes[pending?.lane ?? -1];
    if (pending === undefined || lane === undefined) return;
    this.#pending.delete(id);
    // The deadline is that of the oldest run: the next one has only now begun.
    if (this.#pending.size > 0) this.#busy(this.#options.runTimeoutMs, 'a run');
    else if (this.#closing) this.#busy(this.#options.runTimeoutMs, 'closing');
    else this.#idle();
    answer(pending, lane);
    lane.shrink();
    this.#freeLanes.push(pending.lane);
  }

  /** Something has begun that must not take too long, nor too much. */
  #busy(ms: number, what: string): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      this.#kill({ reason: `${what} took longer than ${ms} ms`, cause: 'timeout' });
    }, ms);
    this.#watch ??= setInterval(() => {
      this.#checkMemory();
    }, WATCH_INTERVAL_MS);
  }

  #idle(): void {
    clearTimeout(this.#deadline);
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  #checkMemory(): void {
    const { maxBytes } = this.#options;
    const bytes = this.residentBytes;
    if (maxBytes === undefined || bytes <= maxBytes) return;
    this.#kill({
      reason: `it took ${mebibytes(bytes)} of memory and may take ${mebibytes(maxBytes)} (maxInstanceMemory)`,
      cause: 'memory',
    });
  }

  #end(end: InstanceEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#idle();
    this.#ready.reject(new Error(end.reason));
    for (const [index, { reject }] of [...this.#pending.values()].entries()) {
      reject(new RunLostError(end, index === 0 && end.cause !== 'renewal'));
    }
    this.#pending.clear();
    this.#ended.resolve(end);
  }
}
