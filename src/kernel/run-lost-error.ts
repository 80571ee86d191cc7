/** How an instance ended. */
export interface InstanceEnd {
  /** In words, for the log. */
  readonly reason: string;
  /**
   * `memory`: it took more than it may; `timeout`: a run took too long; `renewal`: it was ended for
   * one in a better state, through no fault of what it ran; `crash`: anything else.
   */
  readonly cause: 'crash' | 'timeout' | 'memory' | 'renewal' | 'closed';
  /** Signal that ended the process. */
  readonly signal?: string | undefined;
  readonly exitCode?: number | undefined;
}

/**
 * The instance of a run ended before it answered. Internal: the batcher tries the requests again, or
 * tells their clients.
 */
export class RunLostError extends Error {
  readonly end: InstanceEnd;
  /** It was being run; false for what only waited behind it, which is not to blame. */
  readonly running: boolean;

  constructor(end: InstanceEnd, running: boolean) {
    super(end.reason);
    this.name = 'RunLostError';
    this.end = end;
    this.running = running;
  }
}
