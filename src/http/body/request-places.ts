import type { Response } from 'express';

import { ServingError } from '../../kernel/errors';

/** The requests being worked on, from the last byte of their bodies to the end of their answers. */
export class RequestPlaces {
  readonly #limit: number;
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  /**
   * Takes nothing: for those who want to know before they read a body.
   * @throws ServingError OVERLOADED
   */
  requireRoom(): void {
    if (this.#taken < this.#limit) return;
    throw new ServingError(
      'OVERLOADED',
      `The server is busy with ${this.#limit} requests already`,
      {
        retryAfterS: 1,
      },
    );
  }

  /**
   * Takes a place until the response is over.
   * @throws ServingError OVERLOADED
   */
  take(response: Response): void {
    this.requireRoom();
    this.#taken += 1;
    response.once('close', () => {
      this.#taken -= 1;
    });
  }
}
