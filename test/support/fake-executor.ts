import type { BatchExecutor } from '../../src/batching/batch-executor';
import type { Tensor } from '../../src/kernel/tensor';
import { floats, numbersOf } from './tensors';

/** A batch that was handed to the fake and that the test has to answer. */
export interface PendingRun {
  readonly slot: number;
  readonly inputs: readonly Tensor[];
  /** First input, padding included. */
  readonly values: readonly number[];
  readonly request: Parameters<BatchExecutor['run']>[1];
  /** Answers `y`, twice the first input, or the outputs given. */
  finish(inferMs?: number, outputs?: readonly Tensor[], peakBytes?: number): void;
  fail(error: Error): void;
}

/** Instances whose runs the test ends by hand, in any order. */
export class FakeExecutor implements BatchExecutor {
  /** Every run so far, oldest first. */
  readonly runs: PendingRun[] = [];
  readonly #pending = new Set<PendingRun>();
  #slots: { index: number; inFlight: number }[];

  constructor(instances = 1) {
    this.#slots = Array.from({ length: instances }, (_, index) => ({ index, inFlight: 0 }));
  }

  /** Runs not ended yet. */
  get pending(): PendingRun[] {
    return [...this.#pending];
  }

  set instances(count: number) {
    this.#slots = Array.from(
      { length: count },
      (_, index) => this.#slots[index] ?? { index, inFlight: 0 },
    );
  }

  /** The run that has waited longest. */
  get next(): PendingRun {
    const [run] = this.#pending;
    if (run === undefined) throw new Error('no run is pending');
    return run;
  }

  snapshot(): { index: number; inFlight: number }[] {
    return this.#slots.map((slot) => ({ ...slot }));
  }

  run(slot: number, request: PendingRun['request']): ReturnType<BatchExecutor['run']> {
    const state = this.#slots[slot];
    if (state === undefined) throw new Error(`there is no instance ${slot}`);
    state.inFlight += 1;
    return new Promise((resolve, reject) => {
      const end = () => {
        if (!this.#pending.delete(run)) throw new Error('the run has ended before');
        state.inFlight -= 1;
      };
      const inputs = request.inputs((bytes) => new Uint8Array(bytes));
      const [first] = inputs;
      const run: PendingRun = {
        slot,
        request,
        inputs,
        values: numbersOf(first),
        finish: (inferMs = 10, outputs, peakBytes) => {
          end();
          const doubled = floats(
            'y',
            first?.shape ?? [],
            numbersOf(first).map((value) => value * 2),
          );
          resolve({ outputs: outputs ?? [doubled], inferMs, peakBytes });
        },
        fail: (error) => {
          end();
          reject(error);
        },
      };
      this.runs.push(run);
      this.#pending.add(run);
    });
  }
}
