import { ServingError } from '../kernel/errors';
import { Semaphore } from '../kernel/semaphore';
import { revisionOf, scanRepository, versionDirectory, type RepositoryModel } from './repository';
import type { VersionPolicy } from './model-config';
import { Servable, type ServableEvents, type ServableRuntimeOptions } from './servable';
import type { ServableDefaults } from './servable-spec';
import { DEFAULT_VERSION_POLICY, selectVersions } from './version-policy';

export interface ModelManagerOptions {
  /** Model repository folder. */
  readonly repository: string;
  /** Names to serve; all when empty. With explicit control, those loaded at the start. */
  readonly only: readonly string[];
  /**
   * explicit: after the start, models come and go by `load` and `unload` alone.
   * @default 'none'
   */
  readonly control?: 'none' | 'explicit' | 'poll';
  readonly defaults: ServableDefaults;
  readonly runtime: ServableRuntimeOptions;
  /** Versions that load at the same time. */
  readonly loadConcurrency: number;
}

export interface ModelEvents {
  /** A state was reached; `reason` with END after a failed load. */
  readonly onState?: (servable: Servable) => void;
  readonly onProblem?: (model: string, problems: readonly string[]) => void;
  /** Events of one servable, for metrics. */
  readonly servableEvents?: (model: string, version: number) => ServableEvents;
}

/** A model as the repository and the lifecycle have it. */
export interface ModelStatus {
  readonly name: string;
  /** What is wrong with its folder; empty when nothing is. */
  readonly problems: readonly string[];
  readonly configured: boolean;
  /** Every version there is or was asked for, ascending. */
  readonly servables: readonly Servable[];
  /** Not to be served until it is loaded: unloaded, or never loaded, by explicit control. */
  readonly held: boolean;
  /** Versions by their labels. */
  readonly versionLabels: Readonly<Record<string, number>>;
  readonly versionPolicy: VersionPolicy;
}

interface Entry {
  source: RepositoryModel;
  servables: Servable[];
  /** The folder has gone from the repository. */
  removed: boolean;
  /** See ModelStatus. */
  held: boolean;
}

/** A servable in use; `release` lets it go when a newer version has taken over. */
export interface Lease {
  readonly servable: Servable;
  readonly release: () => void;
}

/** Keeps what is loaded equal to what the repository holds and the policies ask for. */
export class ModelManager {
  readonly #options: ModelManagerOptions;
  readonly #events: ModelEvents;
  readonly #entries = new Map<string, Entry>();
  readonly #loading: Semaphore;
  #sync: Promise<unknown> = Promise.resolve();
  #draining = false;
  #synced = false;

  constructor(options: ModelManagerOptions, events: ModelEvents = {}) {
    this.#options = options;
    this.#events = events;
    this.#loading = new Semaphore(options.loadConcurrency);
  }

  /**
   * Brings what is loaded in line with the repository: new versions are loaded and warmed, then
   * old ones unloaded. Resolves when every load has ended, well or badly. One at a time.
   * @throws Error when the repository folder cannot be read
   */
  sync(): Promise<void> {
    return this.#inTurn(() => this.#reconcile());
  }

  /**
   * Loads a model, or brings a loaded one up to date with its folder. Resolves when it is served.
   * @throws ServingError MODEL_CONTROL_NOT_ALLOWED, MODEL_NOT_FOUND, MODEL_LOAD_FAILED, DRAINING
   */
  load(name: string): Promise<void> {
    this.#requireExplicit();
    return this.#inTurn(async () => {
      if (this.#draining) throw new ServingError('DRAINING', 'The server is shutting down');
      const source = (await scanRepository(this.#options.repository)).find(
        (model) => model.name === name,
      );
      if (source === undefined) {
        throw new ServingError(
          'MODEL_NOT_FOUND',
          `There is no folder "${name}" in the model repository`,
        );
      }
      const entry = this.#entries.get(name);
      if (entry !== undefined) {
        entry.held = false;
        // What failed before, or was unloaded, is tried afresh.
        entry.servables = entry.servables.filter(({ state }) => state !== 'END');
      }
      await this.#reconcileModel(source, false);
      const loaded = this.#entry(name);
      const reasons = [
        ...source.problems,
        ...loaded.servables.flatMap(({ version, reason }) =>
          reason === undefined ? [] : [`version ${version}: ${reason}`],
        ),
      ];
      if (reasons.length > 0) {
        throw new ServingError(
          'MODEL_LOAD_FAILED',
          `failed to load '${name}': ${reasons.join('; ')}`,
        );
      }
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
      await Promise.all(entry.servables.map((servable) => this.#unload(servable)));
    });
  }

  /** Every model, by name. */
  list(): ModelStatus[] {
    return [...this.#entries.values()].map(status).sort((a, b) => (a.name < b.name ? -1 : 1));
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
    return status(this.#entry(name));
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
    throw this.#whyNot(entry, version);
  }

  /**
   * Whether every model that can be served is. A model whose files are at fault keeps the others
   * from nothing; only when all are at fault is the server not ready.
   */
  get ready(): boolean {
    if (!this.#synced || this.#draining) return false;
    const entries = [...this.#entries.values()].filter(({ removed, held }) => !removed && !held);
    const servable = entries.filter((entry) => !broken(entry));
    if (entries.length > 0 && servable.length === 0) return false;
    return servable.every(({ servables }) => servables.some(({ ready }) => ready));
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** No new leases from now on; resolves when every lease has ended and every model is unloaded. */
  async drain(): Promise<void> {
    this.#draining = true;
    await this.#sync.catch(() => undefined);
    await Promise.all(this.#all().map((servable) => servable.unload()));
  }

  /** Ends every worker at once. */
  kill(): void {
    this.#draining = true;
    for (const servable of this.#all()) servable.kill();
  }

  /** Changes to what is loaded are made one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#sync.catch(() => undefined).then(work);
    this.#sync = next;
    return next;
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

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry;
    const known = [...this.#entries.keys()].sort();
    throw new ServingError(
      'MODEL_NOT_FOUND',
      `There is no model "${name}"; ${known.length === 0 ? 'the repository is empty' : `there are: ${known.join(', ')}`}`,
    );
  }

  #whyNot(entry: Entry, version: number | undefined): ServingError {
    const { name } = entry.source;
    const candidates = entry.servables.filter(
      (servable) => version === undefined || servable.version === version,
    );
    if (version !== undefined && candidates.length === 0) {
      const there = entry.servables.map((servable) => servable.version).join(', ');
      return new ServingError(
        'VERSION_NOT_FOUND',
        `Model ${name} has no version ${version} loaded; there are: ${there === '' ? 'none' : there}`,
      );
    }
    const reason = candidates.at(-1)?.reason ?? entry.source.problems.join('; ');
    return new ServingError(
      'MODEL_NOT_READY',
      reason === '' ? `Model ${name} is loading` : `Model ${name} cannot be served: ${reason}`,
      { retryAfterS: 1 },
    );
  }

  async #reconcile(): Promise<void> {
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
        this.#reconcileModel(
          source,
          // Explicit control: what appears later waits to be asked for.
          control === 'explicit' && (this.#synced || !chosen(source.name)),
        ),
      ),
      ...gone.map((entry) => this.#remove(entry)),
    ]);
    this.#synced = true;
  }

  async #remove(entry: Entry): Promise<void> {
    entry.removed = true;
    await Promise.all(entry.servables.map((servable) => this.#unload(servable)));
    this.#entries.delete(entry.source.name);
  }

  async #reconcileModel(source: RepositoryModel, holdIfNew: boolean): Promise<void> {
    const entry = this.#entries.get(source.name) ?? {
      source,
      servables: [],
      removed: false,
      held: holdIfNew,
    };
    this.#entries.set(source.name, entry);
    const known = entry.source === source ? [] : entry.source.problems;
    entry.source = source;
    if (entry.held) return;
    if (source.problems.length > 0) {
      if (known.join() !== source.problems.join())
        this.#events.onProblem?.(source.name, source.problems);
      // A fault made in the folder of a running model does not take it down.
      return;
    }
    const wanted = selectVersions(
      source.versions,
      source.config.versionPolicy ?? DEFAULT_VERSION_POLICY,
    );
    const fresh = wanted
      .filter((version) => !entry.servables.some((servable) => current(servable, version, source)))
      .map((version) => this.#load(entry, version));
    await Promise.all(fresh);
    // Old versions go only after their successors came: a model is never without a version.
    const outdated = entry.servables.filter(
      (servable) => !wanted.some((version) => current(servable, version, source)),
    );
    // … and a model whose successors all failed keeps what it had.
    const served = entry.servables.some(
      (servable) => servable.state === 'AVAILABLE' && !outdated.includes(servable),
    );
    const leaving = outdated.filter(({ state }) => served || state !== 'AVAILABLE');
    await Promise.all(leaving.map((servable) => this.#unload(servable)));
    entry.servables = entry.servables.filter((servable) => !leaving.includes(servable));
  }

  async #load(entry: Entry, version: number): Promise<void> {
    const { source } = entry;
    const servable = new Servable({
      source,
      version,
      directory: await versionDirectory(source.directory, version),
      defaults: this.#options.defaults,
      runtime: this.#options.runtime,
      events: this.#events.servableEvents?.(source.name, version) ?? {},
    });
    entry.servables = [...entry.servables, servable].sort((a, b) => a.version - b.version);
    await this.#loading.run(async () => {
      if (this.#draining) return;
      const load = servable.load();
      this.#events.onState?.(servable);
      await load;
      this.#events.onState?.(servable);
    });
  }

  async #unload(servable: Servable): Promise<void> {
    if (servable.state !== 'AVAILABLE') return;
    const unloading = servable.unload();
    this.#events.onState?.(servable);
    await unloading;
    this.#events.onState?.(servable);
  }
}

/** The version asked for, or the newest. */
function availableServable(
  { servables }: Entry,
  version: number | undefined,
): Servable | undefined {
  return servables.findLast(
    (candidate) =>
      candidate.state === 'AVAILABLE' && (version === undefined || candidate.version === version),
  );
}

/** Loaded (or failed) from the files as they are now. */
function current(servable: Servable, version: number, source: RepositoryModel): boolean {
  return servable.version === version && servable.revision === revisionOf(source, version);
}

/** Nothing that the server could do would make it ready. */
function broken(entry: Entry): boolean {
  return (
    entry.servables.every(({ state }) => state === 'END') &&
    (entry.source.problems.length > 0 || entry.servables.length > 0)
  );
}

function status({ source, servables, held }: Entry): ModelStatus {
  return {
    name: source.name,
    problems: source.problems,
    configured: source.configured,
    servables,
    held,
    versionLabels: source.config.versionLabels ?? {},
    versionPolicy: source.config.versionPolicy ?? DEFAULT_VERSION_POLICY,
  };
}
