import { ServingError } from './errors';
import { once } from './once';

/** Bytes that one request holds. */
export interface ByteReservation {
  /**
   * Takes more bytes.
   * @throws ServingError OVERLOADED when there is no room, and it was not cut off before
   */
  add(bytes: number): void;
  /** Its bytes are complete: from now on it is not cut off for others. */
  settle(): void;
  /** Gives everything back; later calls do nothing. */
  release(): void;
  /** Whether it was cut off: what still arrives for it is not to be kept. */
  readonly revoked: boolean;
}

interface Holder {
  bytes: number;
  state: 'growing' | 'settled' | 'over';
  readonly onRevoked: (error: ServingError) => void;
}

interface Waiting {
  readonly bytes: number;
  readonly since: number;
  readonly resolve: (release: () => void) => void;
}

/** How long the oldest lets others pass. */
const PASSED_FOR_MS = 1000;

export interface ByteBudgetOptions {
  /** Bytes held at once at most. */
  readonly limit: number;
  /** Seconds that a refused client is told to wait. @default 1 */
  readonly retryAfterS?: number;
}

/**
 * One limit for all bytes that clients make the server hold: bodies being read, inflated, decoded or
 * queued. When it is reached, newcomers are refused, and of the bodies still being read the youngest
 * gives way, so that the oldest can always be finished.
 */
export class ByteBudget {
  readonly limit: number;
  readonly #retryAfterS: number;
  /** In the order in which they came. */
  readonly #growing = new Set<Holder>();
  readonly #waiting: Waiting[] = [];
  #used = 0;
  /** Pieces of work that hold bytes without having been refused: see `whenRoom`. */
  #working = 0;

  constructor({ limit, retryAfterS = 1 }: ByteBudgetOptions) {
    this.limit = limit;
    this.#retryAfterS = retryAfterS;
  }

  /** Bytes held now. */
  get used(): number {
    return this.#used;
  }

  /**
   * For those who want to know before they begin.
   * @throws ServingError OVERLOADED when so many bytes could not be held now
   */
  requireRoom(bytes: number): void {
    if (this.#used + bytes > this.limit) throw this.#full();
  }

  /** @param onRevoked called when the bytes have been taken back for an older request */
  open(onRevoked: (error: ServingError) => void): ByteReservation {
    const holder: Holder = { bytes: 0, state: 'growing', onRevoked };
    this.#growing.add(holder);
    return {
      add: (bytes) => {
        this.#add(holder, bytes);
      },
      settle: () => {
        if (holder.state === 'growing') holder.state = 'settled';
        this.#growing.delete(holder);
      },
      release: () => {
        this.#end(holder);
      },
      get revoked() {
        return holder.state === 'over';
      },
    };
  }

  /**
   * Waits until so many bytes fit. What is small may pass what is large, but not for long; and one
   * piece of work is always let through, however much it takes: what has been admitted must not wait
   * for ever.
   * @returns gives the bytes back
   */
  whenRoom(bytes: number): Promise<() => void> {
    return new Promise((resolve) => {
      this.#waiting.push({ bytes, since: performance.now(), resolve });
      this.#admitWaiting();
    });
  }

  /**
   * Takes bytes that are there already, whether there is room or not.
   * @returns gives them back
   */
  hold(bytes: number): () => void {
    this.#used += bytes;
    return once(() => {
      this.#used -= bytes;
      this.#admitWaiting();
    });
  }

  #add(holder: Holder, bytes: number): void {
    if (holder.state === 'over') return;
    while (this.#used + bytes > this.limit) {
      const youngest = [...this.#growing].at(-1);
      if (youngest === undefined || youngest === holder) throw this.#full();
      const error = this.#full();
      this.#end(youngest);
      youngest.onRevoked(error);
    }
    this.#used += bytes;
    holder.bytes += bytes;
  }

  #end(holder: Holder): void {
    if (holder.state === 'over') return;
    holder.state = 'over';
    this.#growing.delete(holder);
    this.#used -= holder.bytes;
    this.#admitWaiting();
  }

  #admitWaiting(): void {
    for (;;) {
      const index = this.#nextThatFits();
      const [next] = index < 0 ? [] : this.#waiting.splice(index, 1);
      if (next === undefined) return;
      this.#used += next.bytes;
      this.#working += 1;
      next.resolve(
        once(() => {
          this.#used -= next.bytes;
          this.#working -= 1;
          this.#admitWaiting();
        }),
      );
    }
  }

  /** @returns -1 when none does */
  #nextThatFits(): number {
    const [oldest] = this.#waiting;
    if (oldest === undefined) return -1;
    if (this.#working === 0) return 0;
    const fits = ({ bytes }: Waiting): boolean => this.#used + bytes <= this.limit;
    const isPatient = performance.now() - oldest.since < PASSED_FOR_MS;
    return fits(oldest) ? 0 : isPatient ? this.#waiting.findIndex(fits) : -1;
  }

  #full(): ServingError {
    return new ServingError(
      'OVERLOADED',
      `The server holds ${this.#used} bytes of requests, and ${this.limit} are allowed (maxBytesInFlight)`,
      { retryAfterS: this.#retryAfterS },
    );
  }
}
