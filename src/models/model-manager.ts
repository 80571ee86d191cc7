import { ServingError, messageOf } from '../kernel/errors';
import { Semaphore } from '../kernel/semaphore';
import { canRecover } from './liveness';
import { LoadRetries, type PlannedRetry } from './load-retries';
import {
  availableServable,
  loadFailure,
  statusOf,
  whyNotAvailable,
  type ModelEntry,
  type ModelStatus,
} from './model-entry';
import type { ModelEvents, ModelManagerOptions } from './model-manager-options';
import { leavingServables, planReconciliation, revisionsOf, type Take } from './reconciliation';
import { createResidentModels } from './residency/create-resident-models';
import { residencyOf } from './residency/residency-config';
import type { EvictionReason, ResidentModels } from './residency/resident-models';
import { revisionOf, scanRepository, versionDirectory, type RepositoryModel } from './repository';
import { Servable, type ServableOptions } from './servable';

export type { ModelStatus };

interface ReconcileOptions {
  readonly take: Take;
  readonly holdIfNew?: boolean;
  /** A version that failed and is to be loaded all the same. */
  readonly retry?: number | undefined;
}

/** The most that a timer takes. */
const FOR_AS_LONG_AS_IT_TAKES = 2 ** 31 - 1;

/** A servable in use; `release` lets it go when a newer version has taken over. */
export interface Lease {
  readonly servable: Servable;
  readonly release: () => void;
}

/** Keeps what is loaded equal to what the repository holds and the policies ask for. */
export class ModelManager {
  readonly #options: ModelManagerOptions;
  readonly #events: ModelEvents;
  readonly #entries = new Map<string, ModelEntry>();
  readonly #loading: Semaphore;
  readonly #retries: LoadRetries;
  readonly #resident: ResidentModels;
  /** Servables that are another attempt at what failed. */
  readonly #retried = new WeakSet<Servable>();
  #sync: Promise<unknown> = Promise.resolve();
  /** Nothing is loaded any more. */
  #closing = false;
  #draining = false;
  #synced = false;

  constructor(options: ModelManagerOptions, events: ModelEvents = {}) {
    this.#options = options;
    this.#events = events;
    this.#loading = new Semaphore(options.loadConcurrency);
    this.#retries = new LoadRetries({
      maxRetries: options.maxLoadRetries ?? 5,
      intervalMs: options.loadRetryIntervalMs ?? 60_000,
      retry: (model, version) => {
        this.#tryAgain(model, version);
      },
    });
    this.#resident = createResidentModels(
      options.residency ?? {},
      {
        retryMs: options.loadRetryIntervalMs ?? 60_000,
        instancesOf: (servable) => this.#instancesOf(servable),
      },
      {
        load: (servable) => this.#start(servable),
        unload: (servable, reason) => this.#evict(servable, reason),
        renew: (servable) => this.#renew(servable),
        staying: () =>
          this.#all().flatMap(({ onDemand, processes }) => (onDemand ? [] : processes)),
      },
    );
  }

  /**
   * Brings what is loaded in line with the repository: new versions are loaded and warmed, then
   * old ones unloaded. Resolves when every load has ended, well or badly. One at a time.
   * @throws Error when the repository folder cannot be read
   */
  sync(): Promise<void> {
    return this.#inTurn(() => this.#reconcile('at-once'));
  }

  /**
   * As `sync`, but what is new or has changed is loaded only when the look before saw the same files:
   * one that is still being copied is left until it is complete.
   * @throws Error when the repository folder cannot be read
   */
  poll(): Promise<void> {
    return this.#inTurn(() => this.#reconcile('when-settled'));
  }

  /**
   * Loads a model, or brings a loaded one up to date with its folder. Resolves when it is served.
   * Attempts to come at what failed before are cancelled, and counted afresh.
   * @throws ServingError MODEL_CONTROL_NOT_ALLOWED, MODEL_NOT_FOUND, MODEL_LOAD_FAILED, DRAINING
   */
  load(name: string): Promise<void> {
    this.#requireExplicit();
    return this.#inTurn(async () => {
      this.#requireOpen();
      const source = (await scanRepository(this.#options.repository)).find(
        (model) => model.name === name,
      );
      if (source === undefined) {
        throw new ServingError(
          'MODEL_NOT_FOUND',
          `There is no folder "${name}" in the model repository`,
        );
      }
      this.#retries.forget(name);
      const entry = this.#entries.get(name);
      if (entry !== undefined) {
        entry.held = false;
        // What failed before, or was unloaded, is tried afresh.
        entry.servables = entry.servables.filter(({ state }) => state !== 'END');
      }
      await this.#reconcileModel(source, { take: 'at-once' });
      await this.#bringAll(name);
      // Stopped meanwhile, it has neither failed nor succeeded.
      this.#requireOpen();
      const failure = loadFailure(this.get(name));
      if (failure !== undefined) throw failure;
    });
  }

  /**
   * Unloads a model once its requests have ended; it stays unloaded until it is loaded.
   * @throws ServingError MODEL_CONTROL_NOT_ALLOWED, MODEL_NOT_FOUND
   */
  unload(name: string): Promise<void> {
    this.#requireExplicit();
    return this.#inTurn(async () => {
      const entry = this.#entry(name);
      entry.held = true;
      this.#retries.forget(name);
      await Promise.all(entry.servables.map((servable) => this.#unload(servable)));
    });
  }

  /** Every model, by name. */
  list(): ModelStatus[] {
    return [...this.#entries.values()]
      .map((entry) => this.#status(entry))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Folders of the repository that can be loaded on request and have not been looked at; none
   * without explicit control.
   */
  async unknownModels(): Promise<string[]> {
    if (this.#options.control !== 'explicit') return [];
    const found = await scanRepository(this.#options.repository);
    return found.map(({ name }) => name).filter((name) => !this.#entries.has(name));
  }

  /** @throws ServingError MODEL_NOT_FOUND */
  get(name: string): ModelStatus {
    return this.#status(this.#entry(name));
  }

  /**
   * Waits until a model is in memory that is loaded on demand; it stays there until what is returned
   * has been called. To be called before `acquire`.
   * @returns undefined where there is nothing to wait for
   * @throws ServingError MODEL_NOT_READY when it is not there in time, MODEL_DOES_NOT_FIT,
   *   CLIENT_CLOSED_REQUEST
   */
  bring(
    name: string,
    version?: number,
    signal?: () => AbortSignal,
  ): Promise<() => void> | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const { source, held, servables } = entry;
    const servable = servables.findLast(
      (one) =>
        (version === undefined || one.version === version) &&
        (one.onDemand || one.state === 'AVAILABLE'),
    );
    if (servable?.onDemand !== true || held || this.#draining) return undefined;
    const { batching } = source.config;
    const waitMs =
      (batching === false ? undefined : batching?.queueTimeoutMs) ??
      this.#options.defaults.queueTimeoutMs;
    return this.#resident.use(servable, { waitMs, signal: signal?.() });
  }

  /**
   * Takes a model for one request: the version asked for, or the newest that is available.
   * @throws ServingError MODEL_NOT_FOUND, VERSION_NOT_FOUND, MODEL_NOT_READY, DRAINING
   */
  acquire(name: string, version?: number): Lease {
    if (this.#draining) throw new ServingError('DRAINING', 'The server is shutting down');
    const entry = this.#entry(name);
    if (entry.held) throw new ServingError('MODEL_NOT_FOUND', `Model ${name} is not loaded`);
    const servable = availableServable(entry, version);
    if (servable !== undefined) return { servable, release: servable.lease() };
    throw whyNotAvailable(entry, version);
  }

  /**
   * Whether every model that can be served is. A model whose files are at fault keeps the others
   * from nothing; only when all are at fault is the server not ready. One that was asked for by name
   * must be there.
   */
  get ready(): boolean {
    if (!this.#synced || this.#draining) return false;
    if (this.#options.only.some((name) => !this.#entries.has(name))) return false;
    const entries = [...this.#entries.values()].filter(({ removed, held }) => !removed && !held);
    const sound = entries.filter((entry) => !this.#broken(entry));
    // Those that a request loads are waited for by nobody else.
    const servable = sound.filter(({ source }) => !residencyOf(source.config).onDemand);
    if (entries.length > 0 && sound.length === 0) return false;
    return servable.every(({ servables }) => servables.some(({ ready }) => ready));
  }

  /** False when only a restart can help. */
  get live(): boolean {
    return canRecover(this.#all(), this.#options.livenessTimeoutMs ?? 300_000);
  }

  /** Whether the repository has been read and what it holds been loaded, well or badly. */
  get synced(): boolean {
    return this.#synced;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Nothing is loaded from now on, and what is being loaded is given up. What is served stays. */
  stopLoading(): void {
    this.#closing = true;
    this.#retries.clear();
    this.#resident.close();
    for (const servable of this.#all()) {
      if (servable.state === 'START' || servable.state === 'LOADING') servable.kill();
    }
  }

  /** No new leases from now on; resolves when every lease has ended and every model is unloaded. */
  async drain(): Promise<void> {
    this.stopLoading();
    this.#draining = true;
    await this.#sync.catch(() => undefined);
    await Promise.all(this.#all().map((servable) => servable.unload()));
  }

  /** Ends every instance at once. */
  kill(): void {
    this.stopLoading();
    this.#draining = true;
    for (const servable of this.#all()) servable.kill();
  }

  /** Changes to what is loaded are made one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#sync.catch(() => undefined).then(work);
    this.#sync = next;
    return next;
  }

  #requireOpen(): void {
    if (this.#closing) throw new ServingError('DRAINING', 'The server is shutting down');
  }

  #requireExplicit(): void {
    if (this.#options.control === 'explicit') return;
    throw new ServingError(
      'MODEL_CONTROL_NOT_ALLOWED',
      'explicit model load / unload is not allowed: the server was not started with modelControl explicit',
    );
  }

  #all(): Servable[] {
    return [...this.#entries.values()].flatMap(({ servables }) => servables);
  }

  #status(entry: ModelEntry): ModelStatus {
    return statusOf(entry, this.#retries.planned(entry.source.name));
  }

  /**
   * Nothing that the server could do at once would make it ready. Another attempt at what failed
   * changes nothing yet: the server must not stop being ready for it.
   */
  #broken({ servables, source }: ModelEntry): boolean {
    const failed = (servable: Servable): boolean =>
      servable.state === 'END' || (servable.state !== 'AVAILABLE' && this.#retried.has(servable));
    return servables.every(failed) && (source.problems.length > 0 || servables.length > 0);
  }

  #entry(name: string): ModelEntry {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry;
    const known = [...this.#entries.keys()].sort();
    throw new ServingError(
      'MODEL_NOT_FOUND',
      `There is no model "${name}"; ${known.length === 0 ? 'the repository is empty' : `there are: ${known.join(', ')}`}`,
    );
  }

  async #reconcile(take: Take): Promise<void> {
    if (this.#closing) return;
    const { repository, only, control } = this.#options;
    const chosen = (name: string): boolean => only.length === 0 || only.includes(name);
    const found = (await scanRepository(repository)).filter(
      ({ name }) => control === 'explicit' || chosen(name),
    );
    for (const name of only.filter((wanted) => found.every((model) => model.name !== wanted))) {
      this.#events.onProblem?.(name, [`there is no folder "${name}" in ${repository}`]);
    }
    const names = new Set(found.map(({ name }) => name));
    const gone = [...this.#entries.values()].filter(({ source }) => !names.has(source.name));
    await Promise.all([
      ...found.map((source) =>
        this.#reconcileModel(source, {
          take,
          // Explicit control: what appears later waits to be asked for.
          holdIfNew: control === 'explicit' && (this.#synced || !chosen(source.name)),
        }),
      ),
      ...gone.map((entry) => this.#remove(entry)),
    ]);
    this.#synced = true;
  }

  async #remove(entry: ModelEntry): Promise<void> {
    entry.removed = true;
    this.#retries.forget(entry.source.name);
    await Promise.all(entry.servables.map((servable) => this.#unload(servable)));
    this.#entries.delete(entry.source.name);
  }

  async #reconcileModel(
    source: RepositoryModel,
    { take, holdIfNew = false, retry }: ReconcileOptions,
  ): Promise<void> {
    const entry = this.#entries.get(source.name) ?? {
      source,
      servables: [],
      removed: false,
      held: holdIfNew,
      seen: new Map<number, string>(),
    };
    this.#entries.set(source.name, entry);
    const known = entry.source === source ? [] : entry.source.problems;
    // Another attempt comes at any time: only looks that are an interval apart tell what has settled.
    const seen = retry === undefined ? entry.seen : new Map<number, string>();
    if (retry === undefined) entry.seen = revisionsOf(source);
    entry.source = source;
    if (entry.held) return;
    if (source.problems.length > 0) {
      if (known.join() !== source.problems.join())
        this.#events.onProblem?.(source.name, source.problems);
      // A fault made in the folder of a running model does not take it down.
      return;
    }
    const { load, settled } = planReconciliation(entry, { seen, take, retry });
    await Promise.all(load.map((version) => this.#load(entry, version)));
    // Old versions go only after their successors came: a model is never without a version.
    if (!settled) return;
    const leaving = leavingServables(entry);
    await Promise.all(leaving.map((servable) => this.#unload(servable)));
    entry.servables = entry.servables.filter((servable) => !leaving.includes(servable));
  }

  async #load(entry: ModelEntry, version: number): Promise<void> {
    const { source } = entry;
    const servable = this.#make(source, version, await versionDirectory(source.directory, version));
    // It takes the place of one that failed.
    const others = entry.servables.filter((old) => old.version !== version || old.state !== 'END');
    if (others.length < entry.servables.length) this.#retried.add(servable);
    entry.servables = [...others, servable].sort((a, b) => a.version - b.version);
    if (servable.onDemand) {
      this.#resident.add(servable, residencyOf(source.config));
      this.#events.onState?.(servable);
    } else await this.#start(servable);
  }

  #make(source: RepositoryModel, version: number, directory: string): Servable {
    const { createServable = (options: ServableOptions) => new Servable(options) } = this.#options;
    return createServable({
      source,
      version,
      directory,
      defaults: this.#options.defaults,
      runtime: this.#options.runtime,
      events: this.#events.servableEvents?.(source.name, version) ?? {},
      onDemand: residencyOf(source.config).onDemand,
    });
  }

  /** Loads and warms it when it is its turn. */
  async #start(servable: Servable): Promise<void> {
    await this.#loading.run(async () => {
      if (this.#closing) {
        servable.kill();
        return;
      }
      const load = servable.load();
      this.#events.onState?.(servable);
      await load;
      this.#events.onState?.(servable, this.#planRetry(servable));
    });
  }

  #planRetry(servable: Servable): PlannedRetry | undefined {
    const { name, version, revision, state, mayLoadLater } = servable;
    // Its next request tries it again.
    if (servable.onDemand) return undefined;
    if (state === 'AVAILABLE') this.#retries.forget(name, version);
    if (this.#closing || state !== 'END' || !mayLoadLater) return undefined;
    return this.#retries.failed(name, version, revision);
  }

  /** Another attempt at a version that failed, with the files as they are then. */
  #tryAgain(name: string, version: number): void {
    void this.#inTurn(async () => {
      const failed = this.#entries
        .get(name)
        ?.servables.find((servable) => servable.version === version && servable.state === 'END');
      if (failed === undefined || this.#closing) return;
      try {
        const { repository, control } = this.#options;
        const source = (await scanRepository(repository)).find((model) => model.name === name);
        // A folder that has gone is for the next look at the repository to see.
        if (source === undefined) return;
        if (failed.revision === revisionOf(source, version)) {
          await this.#reconcileModel(source, { take: 'when-settled', retry: version });
        } else if (control !== 'poll') await this.#reconcileModel(source, { take: 'at-once' });
      } catch (thrown) {
        this.#events.onProblem?.(name, [`it cannot be tried again now: ${messageOf(thrown)}`]);
        this.#retries.failed(name, version, failed.revision);
      }
    });
  }

  /** @throws what keeps one that is loaded on demand from coming */
  async #bringAll(name: string): Promise<void> {
    const { servables } = this.#entry(name);
    await Promise.all(
      servables
        .filter(({ onDemand }) => onDemand)
        .map(async (servable) => {
          const release = await this.#resident.use(servable, { waitMs: FOR_AS_LONG_AS_IT_TAKES });
          release();
        }),
    );
  }

  #evict(servable: Servable, reason: EvictionReason): Promise<void> {
    this.#events.onEvicted?.(servable, reason);
    return this.#unloadLoaded(servable);
  }

  /** In place of one that was evicted, or could not be loaded: from the files as they are known now. */
  #renew(servable: Servable): Servable | undefined {
    const entry = this.#entries.get(servable.name);
    if (entry?.servables.includes(servable) !== true || entry.removed || this.#closing) {
      return undefined;
    }
    const fresh = this.#make(entry.source, servable.version, servable.directory);
    entry.servables = entry.servables.map((one) => (one === servable ? fresh : one));
    return fresh;
  }

  #instancesOf({ name }: Servable): number {
    const instances = this.#entries.get(name)?.source.config.instances;
    return instances ?? this.#options.defaults.instances;
  }

  async #unload(servable: Servable): Promise<void> {
    if (servable.onDemand) {
      this.#resident.remove(servable);
      if (servable.state === 'START' || servable.state === 'LOADING') servable.kill();
    }
    await this.#unloadLoaded(servable);
  }

  async #unloadLoaded(servable: Servable): Promise<void> {
    if (servable.state !== 'AVAILABLE') return;
    const unloading = servable.unload();
    this.#events.onState?.(servable);
    await unloading;
    this.#events.onState?.(servable);
  }
}
