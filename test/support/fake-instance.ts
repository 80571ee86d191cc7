import type { RunRequest, RunResult } from '../../src/kernel/run';
import { RunLostError, type InstanceEnd } from '../../src/kernel/run-lost-error';
import type { Tensor } from '../../src/kernel/tensor';
import { deferred } from '../../src/runtime/deferred';
import type { Instance, InstanceInfo, InstanceOptions } from '../../src/runtime/instance';

const INFO: InstanceInfo = { device: 'cpu', tensorflowVersion: '2.0.0', loadMs: 1 };

/** A run that the test has to answer. */
export interface FakeRun {
  readonly inputs: readonly Tensor[];
  readonly request: RunRequest;
  finish(outputs?: readonly Tensor[], peakBytes?: number): void;
  fail(error: Error): void;
}

/** An instance without a process: the test says when it is loaded, answers, and ends. */
export class FakeInstance implements Instance {
  readonly options: InstanceOptions;
  /** Runs not answered yet. */
  readonly pending: FakeRun[] = [];
  hasRun = false;
  headroomBytes = Infinity;
  processId: number | undefined = undefined;
  residentBytes = 0;
  excessBytes = 0;
  isSettled = false;
  isClosing = false;
  readonly #ready = deferred<InstanceInfo>();
  readonly #ended = deferred<InstanceEnd>();
  readonly #gone = deferred<undefined>();
  readonly ready = this.#ready.promise;
  readonly ended = this.#ended.promise;
  readonly gone = this.#gone.promise.then(() => undefined);
  #over = false;

  constructor(options: InstanceOptions) {
    this.options = options;
    this.ready.catch(() => undefined);
  }

  get inFlight(): number {
    return this.pending.length;
  }

  loaded(): void {
    this.#ready.resolve(INFO);
  }

  cannotLoad(reason: string): void {
    this.#ready.reject(new Error(reason));
    this.#end({ cause: 'crash', reason });
  }

  /** It ends by itself; `stays`: its process is not gone yet. */
  end(end: InstanceEnd, { stays = false } = {}): void {
    this.#end(end);
    if (!stays) this.vanish();
  }

  /** Its process is gone. */
  vanish(): void {
    this.#gone.resolve(undefined);
  }

  run(request: RunRequest): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.pending.splice(this.pending.indexOf(run), 1);
        if (this.isClosing && this.pending.length === 0) this.end(CLOSED);
      };
      const run: FakeRun = {
        request,
        inputs: request.inputs((bytes) => new Uint8Array(bytes)),
        finish: (outputs = [], peakBytes) => {
          this.hasRun = true;
          resolve({ outputs, inferMs: 1, peakBytes });
          end();
        },
        fail: (error) => {
          reject(error);
          end();
        },
      };
      this.pending.push(run);
    });
  }

  settle(): void {
    this.isSettled = true;
  }

  async close(): Promise<void> {
    this.isClosing = true;
    if (this.pending.length === 0) this.end(CLOSED);
    await this.gone;
  }

  kill(reason: string): void {
    this.end({ cause: 'closed', reason });
  }

  #end(end: InstanceEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#ready.reject(new Error(end.reason));
    for (const [index, run] of [...this.pending].entries()) {
      run.fail(new RunLostError(end, index === 0));
    }
    this.#ended.resolve(end);
  }
}

const CLOSED: InstanceEnd = { cause: 'closed', reason: 'it was closed' };
