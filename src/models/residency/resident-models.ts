import { ServingError } from '../../kernel/errors';
import { mebibytes } from '../../kernel/mebibytes';
import { once } from '../../kernel/once';
import type { Servable } from '../servable';
import type { KnownNeeds } from './known-needs';
import { makeRoom } from './make-room';
import { isBusy, isResident, placeFor, type Place } from './place';
import type { Residency } from './residency-config';
import { waitAtMost, type Patience } from './wait-at-most';

/** Why a model was unloaded: another needed the room, or nobody had asked for it. */
export type EvictionReason = 'room' | 'idle';

export interface ResidentModelsOptions {
  /** Bytes that models may have in memory, all together; undefined: no limit. */
  readonly limit: number | undefined;
  readonly needs: KnownNeeds;
  /** Bytes that processes have in memory. */
  readonly measure: (processes: readonly number[]) => Promise<number>;
  /** What a model is taken to need that has never been loaded, in bytes. */
  readonly estimate: (servable: Servable) => Promise<number>;
  /** Milliseconds before a load that failed is tried again for another request. */
  readonly retryMs: number;
  /** @default performance.now */
  readonly now?: (() => number) | undefined;
}

/** What keeps the servables does for those that come and go. */
export interface ServableKeeper {
  /** Loads it; a failure ends in state END with a reason. */
  readonly load: (servable: Servable) => Promise<void>;
  readonly unload: (servable: Servable, reason: EvictionReason) => Promise<void>;
  /** A fresh servable of the same files, kept in its place; undefined when the version is wanted no more. */
  readonly renew: (servable: Servable) => Servable | undefined;
  /** Processes of all models that are always in memory. */
  readonly staying: () => readonly number[];
}

/** One that is used all the time gives way only after it has been there for so long. */
const SHORTEST_STAY_MS = 2000;
/** For a model that has never been loaded. */
const UNKNOWN_LOAD_MS = 5000;

/**
 * Models that are loaded by their first request, and unloaded when others need the room or nobody has
 * asked for them for a while. Loads get their room one after the other, in the order of their
 * requests; a hundred requests for a model cause one load. A model that is in use is never unloaded
 * under its requests: where room is needed, new ones wait until it has gone and come again.
 */
export class ResidentModels {
  readonly #options: ResidentModelsOptions;
  readonly #keeper: ServableKeeper;
  readonly #now: () => number;
  readonly #places = new Map<Servable, Place>();
  /** Being loaded, with the bytes that are kept for them. */
  readonly #coming = new Map<Place, number>();
  #turn: Promise<unknown> = Promise.resolve();
  #changes = 0;
  readonly #watchers = new Set<() => void>();

  constructor(options: ResidentModelsOptions, keeper: ServableKeeper) {
    this.#options = options;
    this.#keeper = keeper;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Keeps a servable that has not been loaded; its first request will. */
  add(servable: Servable, residency: Residency): void {
    this.#places.set(servable, placeFor(servable, residency));
  }

  /** It is wanted no more. Its requests end as they may. */
  remove(servable: Servable): void {
    const place = this.#places.get(servable);
    if (place === undefined) return;
    place.removed = true;
    clearTimeout(place.idleTimer);
    this.#places.delete(servable);
    this.#changed();
  }

  /** Nothing is loaded any more; what waits is told. */
  close(): void {
    for (const servable of [...this.#places.keys()]) this.remove(servable);
  }

  /**
   * Waits until the model is in memory, loading it if need be.
   * @returns to be called when the request is over: until then it stays
   * @throws ServingError MODEL_NOT_READY when it is not there in time or cannot be loaded,
   *   MODEL_DOES_NOT_FIT, CLIENT_CLOSED_REQUEST
   */
  async use(servable: Servable, patience: Patience): Promise<() => void> {
    const place = this.#places.get(servable);
    if (place === undefined) return () => undefined;
    clearTimeout(place.idleTimer);
    place.waiting += 1;
    try {
      const deadline = this.#now() + patience.waitMs;
      while (!isResident(place) && !place.removed) {
        const waitMs = Math.max(0, deadline - this.#now());
        await waitAtMost(this.#bring(place), { ...patience, waitMs }, () => this.#notInTime(place));
      }
      place.pins += 1;
    } finally {
      place.waiting -= 1;
      // Nobody may be waiting any more.
      this.#changed();
    }
    return once(() => {
      place.pins -= 1;
      place.lastUsedAt = this.#now();
      this.#changed();
      if (!isBusy(place)) this.#startIdleTimer(place);
    });
  }

  /** The load that is under way, or a new one. */
  #bring(place: Place): Promise<void> {
    if (place.bringing !== undefined) return place.bringing;
    const bringing = this.#load(place).finally(() => {
      place.bringing = undefined;
      this.#coming.delete(place);
      this.#changed();
    });
    // Those that wait for it are told; there may be none any more.
    bringing.catch(() => undefined);
    place.bringing = bringing;
    return bringing;
  }

  async #load(place: Place): Promise<void> {
    await place.leaving;
    if (place.servable.state === 'END' && !this.#renewFailed(place)) return;
    const known = await this.#options.needs.find(place.servable.revision);
    place.loadMs = known?.loadMs ?? UNKNOWN_LOAD_MS;
    const next = this.#turn.then(() => this.#takeRoom(place, known?.bytes));
    this.#turn = next.catch(() => undefined);
    await next;
    const { servable } = place;
    const started = this.#now();
    await this.#keeper.load(servable);
    if (servable.state !== 'AVAILABLE') {
      place.retryAt = this.#now() + this.#options.retryMs;
      throw this.#cannotBeServed(place);
    }
    place.loadMs = this.#now() - started;
    place.residentSince = this.#now();
    place.lastUsedAt = this.#now();
    place.bytes = await this.#options.measure(servable.processes);
    await this.#options.needs.learn(servable.revision, {
      bytes: place.bytes,
      loadMs: place.loadMs,
    });
    if (!isBusy(place)) this.#startIdleTimer(place);
  }

  /** @returns false when the version is wanted no more @throws ServingError while it is too early */
  #renewFailed(place: Place): boolean {
    if (place.servable.reason !== undefined && this.#now() < place.retryAt) {
      throw this.#cannotBeServed(place);
    }
    return this.#renew(place);
  }

  #renew(place: Place): boolean {
    const old = place.servable;
    const fresh = this.#keeper.renew(old);
    this.#places.delete(old);
    if (fresh === undefined) {
      place.removed = true;
      return false;
    }
    place.servable = fresh;
    place.bytes = 0;
    this.#places.set(fresh, place);
    return true;
  }

  /** Resolves when there is room for it, which is then kept for it. */
  async #takeRoom(place: Place, knownBytes: number | undefined): Promise<void> {
    const { limit } = this.#options;
    if (limit === undefined) return;
    const needed = knownBytes ?? (await this.#options.estimate(place.servable));
    for (;;) {
      if (place.waiting === 0 || place.removed) throw this.#notInTime(place);
      const seen = this.#changes;
      const staying = await this.#options.measure(this.#keeper.staying());
      const there = await this.#measured();
      const evictable = there.filter((other) => isResident(other) && !isBusy(other));
      const room = makeRoom({ limit, needed, staying, busy: this.#busyBytes(there), evictable });
      if (room.kind === 'never') throw doesNotFit(place, needed, room.available);
      if (room.kind === 'there') {
        this.#coming.set(place, needed);
        return;
      }
      if (room.kind === 'evict')
        await Promise.all(room.models.map((old) => this.#evict(old, 'room')));
      else await this.#roomLater(there, seen);
    }
  }

  /** Those in memory, measured now: they grow with what they are asked. */
  async #measured(): Promise<Place[]> {
    const there = [...this.#places.values()].filter(
      (place) => place.servable.state === 'AVAILABLE' && !this.#coming.has(place),
    );
    await Promise.all(
      there.map(async (place) => {
        place.bytes = await this.#options.measure(place.servable.processes);
      }),
    );
    return there;
  }

  #busyBytes(there: readonly Place[]): number {
    const inUse = there.filter((place) => isBusy(place) || !isResident(place));
    const coming = [...this.#coming.values()].reduce((sum, bytes) => sum + bytes, 0);
    return inUse.reduce((sum, { bytes }) => sum + bytes, coming);
  }

  /** Waits for a change; models that are used without a pause give way in turn. */
  async #roomLater(there: readonly Place[], seen: number): Promise<void> {
    if (this.#changes !== seen) return;
    const [longest] = there.filter(isResident).sort((a, b) => a.residentSince - b.residentSince);
    const left =
      longest === undefined ? Infinity : longest.residentSince + SHORTEST_STAY_MS - this.#now();
    if (longest !== undefined && left <= 0) {
      await this.#evict(longest, 'room');
      return;
    }
    await this.#nextChange(left);
  }

  /** Resolves when its processes have ended; a new request waits for that, and loads it again. */
  #evict(place: Place, reason: EvictionReason): Promise<void> {
    place.leaving ??= this.#unload(place, reason).finally(() => {
      place.leaving = undefined;
      this.#changed();
    });
    return place.leaving;
  }

  async #unload(place: Place, reason: EvictionReason): Promise<void> {
    clearTimeout(place.idleTimer);
    while (place.pins > 0) await this.#nextChange();
    await this.#keeper.unload(place.servable, reason);
    if (!place.removed) this.#renew(place);
  }

  /** @param atMostMs Infinity: for as long as it takes */
  #nextChange(atMostMs = Infinity): Promise<void> {
    return new Promise((resolve) => {
      const timer =
        atMostMs === Infinity
          ? undefined
          : setTimeout(() => {
              this.#changed();
            }, atMostMs).unref();
      this.#watchers.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #startIdleTimer(place: Place): void {
    const { idleMs } = place.residency;
    clearTimeout(place.idleTimer);
    if (idleMs === undefined || place.removed) return;
    place.idleTimer = setTimeout(() => {
      if (isResident(place) && !isBusy(place)) void this.#evict(place, 'idle');
    }, idleMs).unref();
  }

  #changed(): void {
    this.#changes += 1;
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const watcher of watchers) watcher();
  }

  #notInTime(place: Place): ServingError {
    const { name, version, servable } = place;
    const what =
      servable.state === 'LOADING' ? 'is being loaded' : 'waits for room to be loaded in';
    return new ServingError('MODEL_NOT_READY', `Model ${name} version ${version} ${what}`, {
      retryAfterS: Math.max(1, Math.ceil(place.loadMs / 1000)),
    });
  }

  #cannotBeServed({ name, servable, retryAt }: Place): ServingError {
    return new ServingError(
      'MODEL_NOT_READY',
      `Model ${name} cannot be served: ${servable.reason ?? 'it was stopped'}`,
      { retryAfterS: Math.max(1, Math.ceil((retryAt - this.#now()) / 1000)) },
    );
  }
}

function doesNotFit({ name }: Place, needed: number, available: number): ServingError {
  return new ServingError(
    'MODEL_DOES_NOT_FIT',
    `Model ${name} needs ${mebibytes(needed)} of memory, and all models that come and go may take ${mebibytes(available)} together: raise maxResidentMemory, lower the model's instances, or make fewer models stay always`,
  );
}
