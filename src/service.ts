import type { HttpServer } from './http/server';
import type { ImageInference } from './inference/image-inference';
import type { ModelManager } from './models/model-manager';
import type { Logger } from './telemetry/logger';

export interface ServiceOptions {
  readonly manager: ModelManager;
  readonly inference: ImageInference;
  readonly logger: Logger;
  /** Opens the ports. */
  readonly listen: (draining: () => boolean) => Promise<Listening>;
  /** Model repository folder, for messages. */
  readonly repository: string;
  /** Reads again what the network is opened with: keys and certificates. Never rejects. */
  readonly refresh: () => Promise<void>;
  /** Sends what is still to be told about the requests that were answered; undefined: nothing is. */
  readonly flush?: (() => Promise<void>) | undefined;
  /** Lets go of what was constructed, at the very end. */
  readonly release: () => void;
  /** Milliseconds between two looks at the repository; undefined: only when it is asked for. */
  readonly pollIntervalMs: number | undefined;
  readonly drainDelayMs: number;
  readonly drainTimeoutMs: number;
}

export interface Listening {
  readonly server: HttpServer;
  /** Where the model repository API is, when it has a port of its own. */
  readonly admin: HttpServer | undefined;
}

export interface StopOptions {
  /**
   * Serve on for the drain delay, so that load balancers notice.
   * @default true
   */
  readonly delay?: boolean | undefined;
}

/** Milliseconds that `flush` may take where draining has used up its time. */
const LEAST_FLUSH_MS = 1000;

/** The server from its start to its end. It may be stopped at any time, while it starts too. */
export class Service {
  readonly manager: ModelManager;
  readonly inference: ImageInference;
  readonly logger: Logger;
  readonly #options: ServiceOptions;
  #ports: Promise<Listening> | undefined;
  #listening: Listening | undefined;
  #poll: NodeJS.Timeout | undefined;
  #stopped: Promise<boolean> | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.manager = options.manager;
    this.inference = options.inference;
    this.logger = options.logger;
  }

  /** @throws Error before it listens */
  get url(): string {
    if (this.#listening === undefined) throw new Error('the server does not listen yet');
    return this.#listening.server.url;
  }

  /** Where the model repository API is, when it has a port of its own. */
  get adminUrl(): string | undefined {
    return this.#listening?.admin?.url;
  }

  #isStopping(): boolean {
    return this.#stopped !== undefined;
  }

  /**
   * Listens, then loads the models: live at once, ready later. Resolves when every load has ended, or
   * when it was stopped meanwhile.
   * @throws Error when a port is taken or the model repository cannot be read
   */
  async start(): Promise<void> {
    const { manager, logger, listen, release, pollIntervalMs } = this.#options;
    if (this.#isStopping()) return;
    this.#ports = listen(() => this.#isStopping());
    try {
      this.#listening = await this.#ports;
      if (!this.#isStopping()) await this.#firstSync();
    } catch (thrown) {
      if (this.#isStopping()) return;
      manager.kill();
      await cut(serversOf(this.#listening));
      release();
      throw thrown;
    }
    if (this.#isStopping()) return;
    if (pollIntervalMs !== undefined) this.#startPolling(pollIntervalMs);
    logger.info(
      { models: manager.list().map(({ name }) => name), ready: manager.ready },
      'serving',
    );
  }

  /**
   * Looks through the model repository again, and at keys and certificates, after what is being done
   * already. Before the start there is nothing to do: it looks anyway.
   * @throws Error when it cannot be read
   */
  async reload(): Promise<void> {
    if (this.#ports === undefined) return;
    await this.#options.refresh();
    await this.manager.sync();
  }

  /**
   * Not ready at once; after the drain delay no new requests; then what is in flight finishes, or
   * is dropped when the time-out passes.
   * @returns whether everything finished in time
   */
  stop({ delay = true }: StopOptions = {}): Promise<boolean> {
    this.#stopped ??= this.#stop(delay);
    return this.#stopped;
  }

  async #stop(delay: boolean): Promise<boolean> {
    const { manager, logger, drainDelayMs, drainTimeoutMs, flush, release } = this.#options;
    clearInterval(this.#poll);
    // Nobody was sent here before it was ready for the first time.
    const wait = delay && manager.synced;
    manager.stopLoading();
    const servers = serversOf(await this.#ports?.catch(() => undefined));
    for (const server of servers) server.drain();
    if (wait) await pause(drainDelayMs);
    const drained = performance.now() + drainTimeoutMs;
    const finished = await withDeadline(drain(servers, manager), drainTimeoutMs);
    if (!finished) {
      logger.warn({ drainTimeoutMs }, 'dropping unfinished work');
      manager.kill();
      for (const server of servers) server.destroy();
    }
    if (flush !== undefined) {
      await withDeadline(flush(), Math.max(LEAST_FLUSH_MS, drained - performance.now()));
    }
    release();
    return finished;
  }

  async #firstSync(): Promise<void> {
    const { manager, repository } = this.#options;
    try {
      await manager.sync();
    } catch (cause) {
      throw new Error(`The model repository "${repository}" cannot be read`, { cause });
    }
  }

  #startPolling(intervalMs: number): void {
    const { manager, logger } = this.#options;
    let busy = false;
    this.#poll = setInterval(() => {
      // Loading can take longer than the interval.
      if (busy) return;
      busy = true;
      manager
        .poll()
        .catch((error: unknown) => {
          logger.error({ err: error }, 'the model repository cannot be read');
        })
        .finally(() => {
          busy = false;
        });
    }, intervalMs);
  }
}

function serversOf(listening: Listening | undefined): HttpServer[] {
  if (listening === undefined) return [];
  const { server, admin } = listening;
  return admin === undefined ? [server] : [server, admin];
}

/** Requests that have been taken are answered before any model goes. */
async function drain(servers: readonly HttpServer[], manager: ModelManager): Promise<void> {
  await Promise.all(servers.map((server) => server.close()));
  await manager.drain();
}

async function cut(servers: readonly HttpServer[]): Promise<void> {
  for (const server of servers) server.destroy();
  await Promise.all(servers.map((server) => server.close()));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function withDeadline(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => {
      resolve(false);
    }, ms);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
