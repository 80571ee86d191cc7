import { ServingError } from '../kernel/errors';
import { RunFailedError } from '../kernel/run-failed-error';
import type { Signatures, Tensor } from '../kernel/tensor';
import type { DeviceKind } from './backend';
import { openChannel, type InstanceChannel, type Placement } from './instance-channel';
import type { FromWorker } from './messages';

export interface InstanceOptions {
  readonly directory: string;
  readonly placement: Placement;
  /** Milliseconds one run may take before the worker counts as hung. */
  readonly runTimeoutMs: number;
  /** Milliseconds from start to loaded. */
  readonly loadTimeoutMs: number;
}

export interface RunRequest {
  readonly signature: string;
  readonly inputs: readonly Tensor[];
  readonly outputs?: readonly string[];
  /** Buffers to move to the worker instead of copying them. */
  readonly transfer?: readonly ArrayBuffer[];
}

export interface RunOutput {
  readonly outputs: readonly Tensor[];
  /** Milliseconds inside TensorFlow. */
  readonly inferMs: number;
  /** Input buffers that came back and may be reused. */
  readonly buffers: readonly ArrayBuffer[];
}

export interface InstanceInfo {
  readonly signatures: Signatures;
  readonly device: DeviceKind;
  readonly tensorflowVersion: string;
  readonly loadMs: number;
}

interface Pending {
  readonly resolve: (output: RunOutput) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One worker and the runs it has been given. Runs are executed in the order they were posted; a
 * second may be posted while the first is running, so that the worker never waits for this thread.
 * An instance that failed is never reused: `ended` settles with the reason.
 */
export class Instance {
  /** Settles when the SavedModel is loaded; rejects with the reason when it cannot be. */
  readonly ready: Promise<InstanceInfo>;
  /** Resolves with the reason when the worker is gone, however that came about. */
  readonly ended: Promise<string>;
  readonly #options: InstanceOptions;
  readonly #channel: InstanceChannel;
  readonly #pending = new Map<number, Pending>();
  #nextRun = 1;
  #timer: NodeJS.Timeout | undefined;
  #over = false;
  #closing = false;
  #hasRun = false;
  readonly #ready = deferred<InstanceInfo>();
  readonly #ended = deferred<string>();

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.ready = this.#ready.promise;
    this.ended = this.#ended.promise;
    // Nobody may be waiting when a worker dies later.
    this.ready.catch(() => undefined);
    this.#channel = openChannel(
      options.placement,
      { directory: options.directory },
      {
        onMessage: (message) => {
          this.#receive(message);
        },
        onExit: (reason) => {
          this.#end(reason);
        },
      },
    );
    this.#arm(options.loadTimeoutMs, 'loading');
  }

  /** Whether a run has succeeded. */
  get hasRun(): boolean {
    return this.#hasRun;
  }

  /** Runs posted and not answered. */
  get inFlight(): number {
    return this.#pending.size;
  }

  /**
   * Runs the model once.
   * @throws RunFailedError when TensorFlow refuses, ServingError WORKER_LOST when the worker ends first
   */
  run(request: RunRequest): Promise<RunOutput> {
    if (this.#over || this.#closing) {
      return Promise.reject(new ServingError('WORKER_LOST', 'The worker has ended'));
    }
    const id = this.#nextRun++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      if (this.#pending.size === 1) this.#arm(this.#options.runTimeoutMs, 'a run');
      this.#channel.post(
        {
          kind: 'run',
          id,
          signature: request.signature,
          inputs: request.inputs,
          ...(request.outputs === undefined ? {} : { outputs: request.outputs }),
        },
        [...(request.transfer ?? [])],
      );
    });
  }

  /** Gives back what loading and warming left, once posted runs have finished. */
  trimMemory(): void {
    if (!this.#over && !this.#closing) this.#channel.post({ kind: 'trim' }, []);
  }

  /** Lets posted runs finish, then unloads the model and ends the worker. */
  async close(): Promise<void> {
    if (!this.#over && !this.#closing) {
      this.#closing = true;
      this.#channel.post({ kind: 'close' }, []);
      if (this.#pending.size === 0) this.#arm(this.#options.runTimeoutMs, 'closing');
    }
    await this.ended;
  }

  /** Ends the worker at once; its runs fail with WORKER_LOST. */
  kill(reason: string): void {
    this.#channel.kill();
    this.#end(reason);
  }

  #receive(message: FromWorker): void {
    if (this.#over) return;
    switch (message.kind) {
      case 'ready':
        this.#disarm();
        this.#ready.resolve(message);
        return;
      case 'load-failed':
        this.kill(message.message);
        return;
      case 'result':
        this.#hasRun = true;
        this.#take(message.id)?.resolve(message);
        return;
      case 'run-failed':
        this.#take(message.id)?.reject(new RunFailedError(message.message, message.code));
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    // The deadline is that of the oldest run: the next one has only now begun.
    if (this.#pending.size > 0) this.#arm(this.#options.runTimeoutMs, 'a run');
    else if (this.#closing) this.#arm(this.#options.runTimeoutMs, 'closing');
    else this.#disarm();
    return pending;
  }

  #arm(ms: number, what: string): void {
    this.#disarm();
    this.#timer = setTimeout(() => {
      this.kill(`${what} took longer than ${ms} ms`);
    }, ms);
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#disarm();
    this.#ready.reject(new Error(reason));
    for (const { reject } of this.#pending.values()) {
      reject(
        new ServingError('WORKER_LOST', 'The worker running the request was lost', {
          cause: reason,
        }),
      );
    }
    this.#pending.clear();
    this.#ended.resolve(reason);
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** Promise.withResolvers, which Node 20 lacks. */
function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  if (settle === undefined) throw new Error('a promise runs its executor at once');
  return { promise, ...settle };
}
