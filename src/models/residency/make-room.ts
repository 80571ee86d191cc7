/** A model in memory that may be unloaded for another. */
export interface Evictable {
  readonly bytes: number;
  /** When its last request ended, on any clock that only goes forward. */
  readonly lastUsedAt: number;
}

export interface RoomQuestion<T extends Evictable> {
  /** Bytes that models may have in memory, all together. */
  readonly limit: number;
  /** Bytes of the model that is to come. */
  readonly needed: number;
  /** Bytes that no unloading gives back: models that stay. */
  readonly staying: number;
  /** Bytes of models that are being loaded, or work now: they can be unloaded later. */
  readonly busy: number;
  /** Models that nobody uses now. */
  readonly evictable: readonly T[];
}

export type Room<T> =
  | { readonly kind: 'there' }
  | { readonly kind: 'evict'; readonly models: readonly T[] }
  /** There will be, when models that work now have ended. */
  | { readonly kind: 'later' }
  | { readonly kind: 'never'; readonly available: number };

/** Which models have to go so that another fits: those unused the longest, no more than is needed. */
export function makeRoom<T extends Evictable>({
  limit,
  needed,
  staying,
  busy,
  evictable,
}: RoomQuestion<T>): Room<T> {
  const available = limit - staying;
  if (needed > available) return { kind: 'never', available: Math.max(0, available) };
  const idle = evictable.reduce((sum, { bytes }) => sum + bytes, 0);
  let missing = needed - (available - busy - idle);
  if (missing <= 0) return { kind: 'there' };
  const models: T[] = [];
  for (const model of [...evictable].sort((a, b) => a.lastUsedAt - b.lastUsedAt)) {
    models.push(model);
    missing -= model.bytes;
    if (missing <= 0) return { kind: 'evict', models };
  }
  return { kind: 'later' };
}
