import { ServingError } from '../kernel/errors';

/** The right to take up room in a queue; released once, whatever happens to the request. */
export interface Permit {
  /** Gives back what has not been given back yet. */
  release(): void;
  /** Splits one off for a part of the request, so that parts can leave the queue one by one. */
  split(): Permit;
}

/**
 * Counts requests between the door and the cut of their batch, decoding included. Full means 429
 * at once: an image decoded for nobody costs as much as a served one.
 */
export class Admission {
  readonly #limit: number;
  readonly #retryAfterS: () => number;
  #admitted = 0;

  constructor(options: {
    /** Most requests admitted. */
    readonly limit: number;
    /** Seconds to send as Retry-After. */
    readonly retryAfterS: () => number;
  }) {
    this.#limit = options.limit;
    this.#retryAfterS = options.retryAfterS;
  }

  get admitted(): number {
    return this.#admitted;
  }

  get limit(): number {
    return this.#limit;
  }

  /**
   * Takes room for `count` requests, all or none.
   * @throws ServingError OVERLOADED when there is no room, TOO_MANY_IMAGES when there never will be
   */
  acquire(count: number): Permit {
    if (count > this.#limit) {
      throw new ServingError(
        'TOO_MANY_IMAGES',
        `The request holds ${count} inputs; the queue of the model takes at most ${this.#limit}`,
      );
    }
    this.requireRoom(count);
    this.#admitted += count;
    return this.#permit(count);
  }

  /**
   * Takes no room: for those who want to know before they do work.
   * @throws ServingError OVERLOADED when there is none
   */
  requireRoom(count = 1): void {
    if (this.#admitted + count <= this.#limit) return;
    throw new ServingError(
      'OVERLOADED',
      `The queue of the model is full: ${this.#admitted} of ${this.#limit} places are taken`,
      { retryAfterS: this.#retryAfterS() },
    );
  }

  #permit(count: number): Permit {
    let left = count;
    return {
      release: () => {
        this.#admitted -= left;
        left = 0;
      },
      split: () => {
        if (left === 0) throw new RangeError('the permit has nothing left to split');
        left -= 1;
        return this.#permit(1);
      },
    };
  }
}
