import { asError, ServingError } from './errors';

/** Work that can pause: whoever drives it goes on, or does something else, at every `yield`. */
export type Steps<T> = Generator<undefined, T, undefined>;

interface Task {
  /** Works until `deadline` in ms. @returns whether it has ended, well or badly */
  work(deadline: number): boolean;
}

export interface TimeSlicesOptions {
  /** Milliseconds of work per turn of the event loop. @default 4 */
  readonly sliceMs?: number;
  /** Calls back in the next turn of the event loop. @default setImmediate */
  readonly defer?: (callback: () => void) => void;
  /** @default performance.now */
  readonly now?: () => number;
}

/**
 * Shares a thread between work of any length and everything else that it has to do: what is short is
 * done at once, what is long a slice per turn of the event loop. Long tasks take turns.
 */
export class TimeSlices {
  readonly #sliceMs: number;
  readonly #defer: (callback: () => void) => void;
  readonly #now: () => number;
  readonly #waiting: Task[] = [];
  /** Milliseconds of this turn that tasks have had which did not wait. */
  #usedMs = 0;
  #deferred = false;

  constructor({
    sliceMs = 4,
    defer = setImmediate,
    now = () => performance.now(),
  }: TimeSlicesOptions = {}) {
    this.#sliceMs = sliceMs;
    this.#defer = defer;
    this.#now = now;
  }

  /**
   * Runs `steps` to their end.
   * @param signal ends the work at its next pause
   * @throws ServingError CLIENT_CLOSED_REQUEST when `signal` is aborted, and what the steps throw
   */
  run<T>(steps: Steps<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const task: Task = {
        work: (deadline) => {
          try {
            do {
              if (signal?.aborted === true) {
                steps.return(undefined as never);
                throw new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request');
              }
              const step = steps.next();
              if (step.done === true) {
                resolve(step.value);
                return true;
              }
            } while (this.#now() < deadline);
            return false;
          } catch (thrown) {
            reject(asError(thrown));
            return true;
          }
        },
      };
      const started = this.#now();
      const ended =
        this.#usedMs < this.#sliceMs && task.work(started + this.#sliceMs - this.#usedMs);
      this.#usedMs += this.#now() - started;
      if (!ended) this.#waiting.push(task);
      this.#nextTurn();
    });
  }

  #nextTurn(): void {
    if (this.#deferred) return;
    this.#deferred = true;
    this.#defer(() => {
      this.#deferred = false;
      this.#usedMs = 0;
      const task = this.#waiting.shift();
      if (task === undefined) return;
      if (!task.work(this.#now() + this.#sliceMs)) this.#waiting.push(task);
      if (this.#waiting.length > 0) this.#nextTurn();
    });
  }
}

/** Those of this thread. */
const slices = new TimeSlices();

/** As `TimeSlices.run`, on this thread. */
export function inSlices<T>(steps: Steps<T>, signal?: AbortSignal): Promise<T> {
  return slices.run(steps, signal);
}

/** Runs `steps` without a pause: for short work, and for threads that do nothing else. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
