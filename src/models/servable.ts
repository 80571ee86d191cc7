import type { BatcherEvents } from '../batching/batch-executor';
import { DynamicBatcher } from '../batching/dynamic-batcher';
import type { RunMemoryBudget } from '../batching/run-memory-budget';
import { ServingError, messageOf } from '../kernel/errors';
import type { ModelOptimizer, Optimization } from '../rewriter/model-optimizer';
import type { InstanceEnd } from '../kernel/run-lost-error';
import type { Instance, InstanceOptions } from '../runtime/instance';
import { InstanceGroup } from '../runtime/instance-group';
import type { Placement } from '../runtime/placement';
import type { DeviceKind } from '../runtime/backend';
import { together, type RowsVerdict } from '../kernel/rows-verdict';
import type { Signatures } from '../kernel/tensor';
import { IMAGE_SIGNATURE } from '../rewriter/image/image-plan';
import { readImageGraph, type ImageGraph } from './image-graph';
import { withAdvice } from './load-advice';
import { ModelConfigError } from './model-config';
import { directoryToLoad, findRows, optimizeModel } from './prepare-model';
import { revisionOf, type RepositoryModel } from './repository';
import { ServableStatistics } from './servable-statistics';
import { resolveVersion } from './inspect-model';
import type { ServableDefaults, ServableSpec } from './servable-spec';
import type { RowExaminer } from './rows/row-examiner';
import type { Resources } from './server-settings';
import { warm } from './warmup';
import { once } from '../kernel/once';

/** TensorFlow Serving's states, in their only order. */
export type ServableState = 'START' | 'LOADING' | 'AVAILABLE' | 'UNLOADING' | 'END';

export interface ServableRuntimeOptions {
  readonly runTimeoutMs: number;
  readonly loadTimeoutMs: number;
  /** Where the instances of a model go: one entry an instance. */
  readonly place: (resources: Resources) => readonly Placement[];
  /** Memory that runs of all models share; absent where runs take none of the machine's. */
  readonly runMemory?: RunMemoryBudget | undefined;
  /** Finds out whose rows are independent; absent: nobody's are taken to be. */
  readonly rowExaminer?: Pick<RowExaminer, 'examine'> | undefined;
  /** Absent when models are to be served as they are. */
  readonly optimizer?: Pick<ModelOptimizer, 'optimize'>;
  /** @default an instance in a process of its own */
  readonly createInstance?: ((options: InstanceOptions) => Instance) | undefined;
}

export interface ServableEvents extends BatcherEvents {
  /** An instance that was serving has ended, and another is started. */
  readonly onLost?: (instance: number, end: InstanceEnd) => void;
  readonly onStartFailed?: (instance: number, reason: string) => void;
  /** An instance is replaced by one in a better state; it was no loss. */
  readonly onRenewed?: (instance: number, reason: string) => void;
  /** Which signatures have independent rows, before the first instance loads it. */
  readonly onRowsExamined?: (rows: ReadonlyMap<string, RowsVerdict>) => void;
  /** Before the first instance loads it. */
  readonly onOptimization?: (optimization: Optimization) => void;
}

export interface ServableOptions {
  readonly source: RepositoryModel;
  readonly version: number;
  /** Folder of the version. */
  readonly directory: string;
  readonly defaults: ServableDefaults;
  readonly runtime: ServableRuntimeOptions;
  readonly events?: ServableEvents;
  /** Loaded by its first request. @default false */
  readonly onDemand?: boolean;
}

export interface InstanceFigures {
  readonly ready: number;
  readonly total: number;
  readonly restarts: number;
  /** Bytes in memory, pages that instances share counted in each. */
  readonly residentBytes: number;
}

interface Loaded {
  readonly spec: ServableSpec;
  readonly signatures: Signatures;
  /** By signature; see `rowsOf`. */
  readonly rows: ReadonlyMap<string, RowsVerdict>;
  readonly group: InstanceGroup;
  readonly batcher: DynamicBatcher;
}

/** One version of a model, from its files to its instances. Unloaded once, never loaded again. */
export class Servable {
  readonly name: string;
  readonly version: number;
  readonly directory: string;
  /** What it was loaded from; see revisionOf. */
  readonly revision: string;
  /** What it has done since it was loaded. */
  readonly statistics = new ServableStatistics();
  /** Loaded by its first request, and unloaded when others need the room. */
  readonly onDemand: boolean;
  readonly #options: ServableOptions;
  #state: ServableState = 'START';
  #reason: string | undefined;
  #mayLoadLater = false;
  #loadMs: number | undefined;
  #loaded: Loaded | undefined;
  /** Set from LOADING on, so that a shutdown meanwhile ends its instances too. */
  #group: InstanceGroup | undefined;
  #optimization: Optimization | undefined;
  #imageGraph: ImageGraph | undefined;
  readonly #shutdown = new AbortController();
  #leases = 0;
  readonly #unleased: (() => void)[] = [];

  constructor(options: ServableOptions) {
    this.#options = options;
    this.name = options.source.name;
    this.version = options.version;
    this.directory = options.directory;
    this.revision = revisionOf(options.source, options.version);
    this.onDemand = options.onDemand ?? false;
  }

  get state(): ServableState {
    return this.#state;
  }

  /** Not in memory; its next request loads it. */
  get dormant(): boolean {
    return this.onDemand && this.state === 'START';
  }

  /** Why it could not be loaded. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /**
   * Whether the same files may load another time. What model.json and the SavedModel contradict each
   * other in stays wrong until one of them changes.
   */
  get mayLoadLater(): boolean {
    return this.#mayLoadLater;
  }

  /** @throws ServingError MODEL_NOT_READY while it is not loaded */
  get spec(): ServableSpec {
    return this.#use().spec;
  }

  /** All signatures of the SavedModel. @throws ServingError MODEL_NOT_READY */
  get signatures(): Signatures {
    return this.#use().signatures;
  }

  /** @throws ServingError MODEL_NOT_READY */
  get batcher(): DynamicBatcher {
    return this.#use().batcher;
  }

  /**
   * Whether requests for a signature may share runs, or be cut.
   * @throws ServingError MODEL_NOT_READY
   */
  rowsOf(signatureName: string): RowsVerdict {
    const { batcher, rows, spec } = this.#use();
    const stopped = batcher.stopped.get(signatureName);
    if (stopped !== undefined) return together(stopped);
    // What surrounds the network in the graph of images leaves rows apart.
    const name = signatureName === IMAGE_SIGNATURE ? spec.signatureName : signatureName;
    return rows.get(name) ?? together('its first dimension is not open');
  }

  /** Undefined while no instance has loaded it. */
  get device(): DeviceKind | undefined {
    return this.#loaded === undefined ? undefined : this.#loaded.group.info.device;
  }

  /** Whether it runs rewritten, and why not; undefined until that is known. */
  get optimization(): Optimization | undefined {
    return this.#optimization;
  }

  /** How images run when more than the network is in the graph; undefined when that is all. */
  get imageGraph(): ImageGraph | undefined {
    return this.#imageGraph;
  }

  get instances(): InstanceFigures {
    const group = this.#loaded?.group;
    return {
      residentBytes: group?.residentBytes ?? 0,
      ready: group?.readyCount ?? 0,
      total: group?.size ?? 0,
      restarts: group?.restarts ?? 0,
    };
  }

  /** Processes of its instances. */
  get processes(): readonly number[] {
    return this.#group?.processes ?? [];
  }

  /** Milliseconds that loading and warming took; undefined before that has ended. */
  get loadMs(): number | undefined {
    return this.#loadMs;
  }

  /** Milliseconds without a working instance; 0 when there is one. */
  get failingMs(): number {
    return this.#loaded?.group.failingMs ?? 0;
  }

  /** Takes requests now: loaded, and at least one instance is alive. */
  get ready(): boolean {
    return this.#state === 'AVAILABLE' && this.instances.ready > 0;
  }

  /**
   * START → LOADING → AVAILABLE: reads the signature, starts and warms every instance.
   * A failure ends in END with `reason` set; it is not thrown. Killed meanwhile, it has no reason.
   */
  async load(): Promise<void> {
    if (this.#isKilled()) return;
    this.#state = 'LOADING';
    const started = performance.now();
    try {
      this.#loaded = await this.#start();
      // A shutdown may have ended it meanwhile.
      if (this.#isKilled()) return;
      this.#loadMs = performance.now() - started;
      this.#state = 'AVAILABLE';
    } catch (thrown) {
      this.#state = 'END';
      if (this.#isKilled()) return;
      this.#reason = withAdvice(messageOf(thrown));
      this.#mayLoadLater = !(thrown instanceof ModelConfigError);
    }
  }

  /** Keeps the servable loaded until the returned function is called. */
  lease(): () => void {
    this.#leases += 1;
    return once(() => {
      this.#leases -= 1;
      if (this.#leases === 0) for (const resolve of this.#unleased.splice(0)) resolve();
    });
  }

  /** AVAILABLE → UNLOADING → END; waits for every lease and every run. */
  async unload(): Promise<void> {
    if (this.#state !== 'AVAILABLE') return;
    this.#state = 'UNLOADING';
    if (this.#leases > 0) await new Promise<void>((resolve) => this.#unleased.push(resolve));
    await this.#loaded?.batcher.idle();
    this.#loaded?.batcher.close();
    await this.#loaded?.group.close();
    this.#loaded = undefined;
    this.#state = 'END';
  }

  /** Ends everything at once; what is queued is answered DRAINING. */
  kill(): void {
    this.#shutdown.abort();
    this.#loaded?.batcher.rejectQueued(new ServingError('DRAINING', 'The server is shutting down'));
    this.#loaded?.batcher.close();
    this.#group?.kill();
    this.#state = 'END';
  }

  #isKilled(): boolean {
    return this.#shutdown.signal.aborted;
  }

  async #start(): Promise<Loaded> {
    const { source, directory, defaults, runtime, events = {} } = this.#options;
    const { config } = source;
    const { signatures, spec } = await resolveVersion({ ...source, directory }, defaults);
    const model = { directory, config, signal: this.#shutdown.signal };
    const optimization = await optimizeModel(model, spec, runtime.optimizer);
    this.#shutdown.signal.throwIfAborted();
    this.#optimization = optimization;
    events.onOptimization?.(optimization);
    this.#imageGraph = await readImageGraph(optimization, spec);
    const found = await findRows(model, signatures, optimization, runtime.rowExaminer);
    const { rows } = found;
    if (found.examined) events.onRowsExamined?.(rows);
    // From here on a shutdown finds the group that it has to end.
    this.#shutdown.signal.throwIfAborted();
    // The group tells the batcher when there is room; the batcher runs on the group.
    const link: { batcher?: DynamicBatcher } = {};
    const group = new InstanceGroup(
      {
        directory: () => {
          const loaded = directoryToLoad(directory, optimization);
          if (loaded === directory && optimization.state === 'optimized') this.#lostArtefact();
          return loaded;
        },
        placements: runtime.place(spec),
        runTimeoutMs: runtime.runTimeoutMs,
        loadTimeoutMs: runtime.loadTimeoutMs,
        maxBytes: spec.maxInstanceMemory,
        warmup: (instance) => {
          const sizes = rows.get(spec.signatureName)?.independent
            ? spec.batching.allowedBatchSizes
            : [1];
          return warm(
            instance,
            { spec, imageGraph: this.#imageGraph, sizes },
            (run, takenBytes) => {
              const count = spec.batchable ? (run.inputs[0]?.shape[0] ?? 1) : 1;
              if (takenBytes !== undefined) {
                link.batcher?.learnMemory({ ...run, rows: count }, takenBytes);
              }
            },
          );
        },
        createInstance: runtime.createInstance,
      },
      {
        onChange: () => link.batcher?.poke(),
        onLost: events.onLost,
        onStartFailed: events.onStartFailed,
        onRenewed: events.onRenewed,
      },
    );
    this.#group = group;
    const observed: BatcherEvents = {
      ...events,
      onExecution: (run) => {
        this.statistics.executed(run);
        events.onExecution?.(run);
      },
    };
    const batcher = new DynamicBatcher(spec.batching, group, observed, runtime.runMemory);
    link.batcher = batcher;
    await group.start();
    return { spec, signatures, rows, group, batcher };
  }

  /** All instances take the way that one of them can still go. */
  #lostArtefact(): void {
    this.#imageGraph = undefined;
    this.#optimization = {
      state: 'original',
      reason: 'the rewritten model was removed from the cache; loading it again makes a new one',
      dropped: true,
    };
    this.#options.events?.onOptimization?.(this.#optimization);
  }

  #use(): Loaded {
    if (this.#loaded === undefined) {
      throw new ServingError(
        'MODEL_NOT_READY',
        `Model ${this.name} version ${this.version} is ${this.#state}`,
        { retryAfterS: 1 },
      );
    }
    return this.#loaded;
  }
}
