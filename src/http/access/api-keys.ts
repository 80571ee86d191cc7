import { timingSafeEqual } from 'node:crypto';

import { ApiKey } from './api-key';
import { digest } from './credentials';
import { requireDistinct, type KeySpec } from './key-file';

/** Hexadecimal digits of a hash by which keys are looked up. */
const PREFIX = 16;

interface Entry {
  readonly hash: Buffer;
  readonly key: ApiKey;
}

/** The keys that are accepted now. */
export class ApiKeys {
  #entries: ReadonlyMap<string, readonly Entry[]> = new Map();
  #keys: readonly ApiKey[] = [];

  readonly #onImages: (key: string, images: number) => void;

  /**
   * @param onImages told of the images that requests of a key hold
   * @throws Error when two keys have a name or a hash in common
   */
  constructor(specs: readonly KeySpec[], onImages: (key: string, images: number) => void) {
    this.#onImages = onImages;
    this.replace(specs);
  }

  get names(): readonly string[] {
    return this.#keys.map(({ name }) => name);
  }

  /**
   * Takes other keys. One that stays as it was keeps what it has used up.
   * @throws Error when two keys have a name or a hash in common; then nothing changes
   */
  replace(specs: readonly KeySpec[]): void {
    requireDistinct(specs);
    const before = new Map(this.#keys.map((key) => [JSON.stringify(key.spec), key]));
    this.#keys = specs.map(
      (spec) => before.get(JSON.stringify(spec)) ?? new ApiKey(spec, this.#onImages),
    );
    const entries = new Map<string, Entry[]>();
    for (const key of this.#keys) {
      const prefix = key.spec.sha256.slice(0, PREFIX);
      const entry = { hash: Buffer.from(key.spec.sha256, 'hex'), key };
      entries.set(prefix, [...(entries.get(prefix) ?? []), entry]);
    }
    this.#entries = entries;
  }

  /**
   * The key that was shown. It is looked up by the beginning of its hash, which nobody can choose without
   * trying out keys, and compared in constant time.
   */
  find(secret: string): ApiKey | undefined {
    const hash = digest(secret);
    const candidates = this.#entries.get(hash.toString('hex', 0, PREFIX / 2)) ?? [];
    return candidates.find((entry) => timingSafeEqual(entry.hash, hash))?.key;
  }
}
