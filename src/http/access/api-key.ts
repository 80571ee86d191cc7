import picomatch from 'picomatch';

import { ServingError } from '../../kernel/errors';
import { once } from '../../kernel/once';
import type { KeyScope, KeySpec } from './key-file';
import { TokenBucket } from './token-bucket';

/** What is measured by the minute, in the words of the headers. */
const UNITS = ['requests', 'images'] as const;
type Unit = (typeof UNITS)[number];

/** A key that is in use: what it may do, and how much of it is left. */
export class ApiKey {
  readonly spec: KeySpec;
  readonly #buckets: ReadonlyMap<Unit, TokenBucket>;
  readonly #isModel: (name: string) => boolean;
  readonly #onImages: (key: string, images: number) => void;
  #inFlight = 0;

  /** @param now milliseconds @default performance.now */
  constructor(spec: KeySpec, onImages: (key: string, images: number) => void, now?: () => number) {
    this.spec = spec;
    this.#onImages = onImages;
    const rates = { requests: spec.requestsPerMinute, images: spec.imagesPerMinute };
    this.#buckets = new Map(
      UNITS.flatMap((unit) => {
        const rate = rates[unit];
        return rate === undefined ? [] : [[unit, new TokenBucket(rate, now)] as const];
      }),
    );
    this.#isModel = picomatch([...spec.models], { dot: true, bash: true });
  }

  get name(): string {
    return this.spec.name;
  }

  /** @throws ServingError FORBIDDEN */
  requireScope(scope: KeyScope): void {
    if (this.spec.scopes.includes(scope)) return;
    throw new ServingError(
      'FORBIDDEN',
      `The key "${this.name}" has the scope ${this.spec.scopes.join(', ')}; this needs ${scope}`,
    );
  }

  allowsModel(model: string): boolean {
    return this.#isModel(model);
  }

  /** @throws ServingError FORBIDDEN, whether there is such a model or not */
  requireModel(model: string): void {
    if (this.allowsModel(model)) return;
    throw new ServingError(
      'FORBIDDEN',
      `The key "${this.name}" may not use the model "${model}"; it may use ${this.spec.models.join(', ')}`,
    );
  }

  /**
   * Begins a request, which counts as one.
   * @param withImages whether it may hold images: then none must be owed
   * @returns ends it; later calls do nothing
   * @throws ServingError RATE_LIMITED
   */
  enter(withImages: boolean): () => void {
    const { concurrentRequests = Infinity } = this.spec;
    for (const [unit, bucket] of this.#buckets) {
      const { waitS } = bucket;
      if (waitS > 0 && (unit === 'requests' || withImages))
        throw this.#tooMany(`${bucket.perMinute} ${unit} a minute`, waitS);
    }
    if (this.#inFlight >= concurrentRequests) {
      throw this.#tooMany(`${concurrentRequests} requests at once`, 1);
    }
    this.#buckets.get('requests')?.take(1);
    this.#inFlight += 1;
    return once(() => {
      this.#inFlight -= 1;
    });
  }

  /** Counts the images of a request that has been read. */
  charge(images: number): void {
    this.#buckets.get('images')?.take(images);
    this.#onImages(this.name, images);
  }

  /** RateLimit-Policy and RateLimit as structured fields; undefined where nothing is limited by the minute. */
  get rateLimitHeaders(): { readonly policy: string; readonly state: string } | undefined {
    if (this.#buckets.size === 0) return undefined;
    const buckets = [...this.#buckets];
    return {
      policy: buckets.map(([unit, { perMinute }]) => `"${unit}";q=${perMinute};w=60`).join(', '),
      state: buckets
        .map(([unit, bucket]) => {
          const left = Math.max(0, Math.floor(bucket.balance));
          return `"${unit}";r=${left};t=${bucket.waitS}`;
        })
        .join(', '),
    };
  }

  #tooMany(allowed: string, retryAfterS: number): ServingError {
    return new ServingError('RATE_LIMITED', `The key "${this.name}" may make ${allowed}`, {
      retryAfterS,
    });
  }
}
