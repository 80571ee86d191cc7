import { ServingError } from '../../kernel/errors';

/** What JSON may hold, checked before anything is made of it. */
export interface JsonLimits {
  /** Lists and objects inside each other. */
  readonly maxDepth: number;
  /** Lists and objects altogether. */
  readonly maxContainers: number;
  /** Numbers, strings and other values. */
  readonly maxValues: number;
  /** Names in objects altogether. */
  readonly maxKeys: number;
}

/** Bytes of a name in an object. */
export const MAX_KEY_BYTES = 4096;
/** Bytes of a text that is not the element of a tensor or a file. */
export const MAX_STRING_BYTES = 1024 * 1024;
/** Bytes of a number: the longest double written out in full has 1,077. */
export const MAX_NUMBER_BYTES = 1200;
/** Blanks in a row. */
export const MAX_BLANK_BYTES = 1024 * 1024;

/** A tensor of 32 dimensions fits; what is deeper was made to hurt. */
export const TENSOR_LIMITS: JsonLimits = {
  maxDepth: 64,
  maxContainers: 4_000_000,
  maxValues: 16_000_000,
  maxKeys: 1_000_000,
};

/** What is around the tensors of a request. */
export const REQUEST_LIMITS: JsonLimits = {
  maxDepth: 16,
  maxContainers: 4096,
  maxValues: 16_384,
  maxKeys: 8192,
};

/** Counts what a document holds, and refuses the first thing that is too much. */
export class JsonBudget {
  readonly #limits: JsonLimits;
  #containers = 0;
  #values = 0;
  #keys = 0;

  constructor(limits: JsonLimits) {
    this.#limits = limits;
  }

  /** @throws ServingError BAD_REQUEST */
  requireDepth(depth: number): void {
    if (depth > this.#limits.maxDepth) {
      throw new ServingError(
        'BAD_REQUEST',
        `JSON Parse error: lists and objects are nested deeper than ${this.#limits.maxDepth}`,
      );
    }
  }

  /** @throws ServingError PAYLOAD_TOO_LARGE */
  count(containers: number, values: number, keys: number): void {
    this.#containers += containers;
    this.#values += values;
    this.#keys += keys;
    const { maxContainers, maxValues, maxKeys } = this.#limits;
    if (this.#containers > maxContainers) throw tooMany(maxContainers, 'lists and objects');
    if (this.#values > maxValues) throw tooMany(maxValues, 'values');
    if (this.#keys > maxKeys) throw tooMany(maxKeys, 'names in objects');
  }
}

function tooMany(limit: number, what: string): ServingError {
  return new ServingError(
    'PAYLOAD_TOO_LARGE',
    `The JSON holds more than ${limit} ${what}; send large tensors in binary: docs/protocols.md`,
  );
}
