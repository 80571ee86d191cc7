import { ServingError } from '../../kernel/errors';

export interface UploadsOptions {
  /** Bodies being read at once at most. */
  readonly maxUploads: number;
  /** Bytes a second that a body must bring once the grace is over. */
  readonly minBytesPerSecond: number;
  /** Milliseconds over which that is measured, and in which a body may begin slowly. */
  readonly graceMs: number;
  /** @default performance.now */
  readonly now?: () => number;
}

/** A body that is being read. */
export interface Upload {
  /** Notes bytes that came in. */
  received(bytes: number): void;
  /** It is complete, or nobody waits for it any more. */
  end(): void;
}

interface Entry {
  readonly address: string;
  readonly startedAt: number;
  readonly onCut: (error: ServingError) => void;
  bytes: number;
  /** Bytes when the present period of measuring began. */
  bytesBefore: number;
  periodAt: number;
}

/** Share of all places that one client address may take. */
const SHARE_OF_ONE = 0.5;
/** A body younger than this is not cut for a newcomer. */
const YOUNG_MS = 1000;
const SWEEP_MS = 1000;

/**
 * The bodies being read. A slow client holds none of the places in which requests are worked on, only
 * one here; it is cut when it sends next to nothing, or when a newcomer needs its place.
 */
export class Uploads {
  readonly #options: UploadsOptions;
  readonly #now: () => number;
  readonly #entries = new Set<Entry>();
  readonly #byAddress = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: UploadsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Bodies being read. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * @param address of the client
   * @param onCut called when the rest is not to be read: too slow, or in the way
   * @throws ServingError OVERLOADED
   */
  begin(address: string, onCut: (error: ServingError) => void): Upload {
    const { maxUploads } = this.#options;
    const own = this.#byAddress.get(address) ?? 0;
    const share = Math.ceil(maxUploads * SHARE_OF_ONE);
    if (own >= share) {
      throw new ServingError(
        'OVERLOADED',
        `${own} bodies are being read from this address already; ${share} are allowed`,
        { retryAfterS: 1 },
      );
    }
    if (this.#entries.size >= maxUploads) this.#makeRoom();
    const now = this.#now();
    const entry: Entry = {
      address,
      startedAt: now,
      onCut,
      bytes: 0,
      bytesBefore: 0,
      periodAt: now,
    };
    this.#entries.add(entry);
    this.#byAddress.set(address, own + 1);
    this.#timer ??= setInterval(() => {
      this.#sweep();
    }, SWEEP_MS).unref();
    return {
      received: (bytes) => {
        entry.bytes += bytes;
      },
      end: () => {
        this.#remove(entry);
      },
    };
  }

  #remove(entry: Entry): void {
    if (!this.#entries.delete(entry)) return;
    const left = (this.#byAddress.get(entry.address) ?? 1) - 1;
    if (left === 0) this.#byAddress.delete(entry.address);
    else this.#byAddress.set(entry.address, left);
    if (this.#entries.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Cuts the slowest body for a newcomer. @throws ServingError OVERLOADED when all are young */
  #makeRoom(): void {
    const now = this.#now();
    let slowest: Entry | undefined;
    let lowest = Infinity;
    for (const entry of this.#entries) {
      const age = now - entry.startedAt;
      if (age >= YOUNG_MS && entry.bytes / age < lowest) {
        slowest = entry;
        lowest = entry.bytes / age;
      }
    }
    if (slowest === undefined) {
      throw new ServingError(
        'OVERLOADED',
        `The server is reading ${this.#entries.size} requests already`,
        { retryAfterS: 1 },
      );
    }
    this.#cut(slowest, 'others came that send faster');
  }

  #sweep(): void {
    const { graceMs, minBytesPerSecond } = this.#options;
    const now = this.#now();
    for (const entry of this.#entries) {
      const elapsed = now - entry.periodAt;
      if (elapsed < graceMs) continue;
      if (entry.bytes - entry.bytesBefore < (minBytesPerSecond * elapsed) / 1000) {
        this.#cut(
          entry,
          `${entry.bytes - entry.bytesBefore} bytes came in ${(elapsed / 1000).toFixed(1)} s, and ${minBytesPerSecond} a second are needed`,
        );
      } else {
        entry.periodAt = now;
        entry.bytesBefore = entry.bytes;
      }
    }
  }

  #cut(entry: Entry, why: string): void {
    this.#remove(entry);
    entry.onCut(
      new ServingError('REQUEST_TIMEOUT', `The body of the request came too slowly: ${why}`, {
        retryAfterS: 1,
      }),
    );
  }
}
