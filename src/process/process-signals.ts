import type { EventEmitter } from 'node:events';

import { leaveProcess } from './leave-process';

/** Why the process is to end. */
export type EndCause =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  /** Nobody is left who could send one. */
  | { readonly kind: 'orphaned' }
  | { readonly kind: 'error'; readonly error: unknown };

/** What a running program does about its signals. */
export interface SignalActions {
  /** SIGHUP. */
  readonly reload: () => void;
  /** Called once, for the first cause. */
  readonly stop: (cause: EndCause) => Promise<void>;
  /** Milliseconds after which a stop counts as hanging. */
  readonly stopTimeoutMs: number;
}

export interface ProcessSignalsOptions {
  /** @default process */
  readonly source?: Pick<EventEmitter, 'on'> | undefined;
  /** @default leaveProcess */
  readonly leave?: ((code: number) => void) | undefined;
}

/**
 * Those that ask for an end. What the kernel sends for a fault (SIGSEGV, SIGBUS, SIGFPE, SIGILL,
 * SIGABRT, SIGTRAP) is left to the system: a handler in JavaScript never gets its turn, and the
 * process would hang where it should have ended.
 */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGUSR2'] as const;

/**
 * A signal that comes again so soon is the same one: npm passes on what the terminal or the service
 * manager has sent to the whole group already.
 */
const SAME_SIGNAL_MS = 500;

/**
 * Takes the signals of the process from the moment it is made, and hands them on as soon as there is
 * something that can act on them. The first signal to stop ends the process in good order, another
 * one at once.
 */
export class ProcessSignals {
  readonly #leave: (code: number) => void;
  #actions: SignalActions | undefined;
  #reloadWanted = false;
  #stopping: { readonly cause: EndCause; readonly atMs: number } | undefined;

  constructor({ source = process, leave = leaveProcess }: ProcessSignalsOptions = {}) {
    this.#leave = leave;
    source.on('SIGHUP', () => {
      this.#reload();
    });
    for (const signal of STOP_SIGNALS) {
      source.on(signal, () => {
        this.stop({ kind: 'signal', signal });
      });
    }
    for (const event of ['uncaughtException', 'unhandledRejection']) {
      source.on(event, (error: unknown) => {
        this.stop({ kind: 'error', error });
      });
    }
  }

  /** From now on signals lead to these actions; a reload that was asked for before is made up for. */
  handOver(actions: SignalActions): void {
    this.#actions = actions;
    if (this.#reloadWanted) actions.reload();
  }

  /** Ends the process, as a signal would. */
  stop(cause: EndCause): void {
    if (this.#stopping !== undefined) {
      if (!isRepeated(cause, this.#stopping)) this.#leave(1);
      return;
    }
    this.#stopping = { cause, atMs: performance.now() };
    void this.#end(cause);
  }

  #reload(): void {
    if (this.#actions === undefined) this.#reloadWanted = true;
    else if (this.#stopping === undefined) this.#actions.reload();
  }

  async #end(cause: EndCause): Promise<void> {
    if (this.#actions === undefined) {
      if (cause.kind === 'error') console.error(cause.error);
      this.#leave(cause.kind === 'error' ? 1 : 0);
      return;
    }
    const { stop, stopTimeoutMs } = this.#actions;
    const timer = setTimeout(() => {
      this.#leave(1);
    }, stopTimeoutMs);
    try {
      await stop(cause);
      this.#leave(cause.kind === 'error' ? 1 : 0);
    } catch (thrown) {
      console.error(thrown);
      this.#leave(1);
    } finally {
      clearTimeout(timer);
    }
  }
}

function isRepeated(
  cause: EndCause,
  first: { readonly cause: EndCause; readonly atMs: number },
): boolean {
  if (cause.kind === 'orphaned') return true;
  return (
    cause.kind === 'signal' &&
    first.cause.kind === 'signal' &&
    cause.signal === first.cause.signal &&
    performance.now() - first.atMs < SAME_SIGNAL_MS
  );
}
