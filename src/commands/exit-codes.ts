/** How the scorer, `tfjs-serving convert` and `tfjs-serving import` end. docs/folder-scoring.md mirrors this list; a test keeps the two equal. */
export const EXIT_CODES = {
  /** Every input has its row; rows may be errors. */
  done: 0,
  /** A fault of the program. */
  unexpected: 1,
  /** Options that cannot be used, or an output that belongs to another run. */
  usage: 2,
  /** Stopped by --max-errors. */
  tooManyErrors: 3,
  /** The output cannot be written: full disk, read-only, no permission. */
  outputFailed: 4,
  /** The model cannot be loaded, or no server answers. */
  engineFailed: 5,
  /** What was merged is incomplete or holds an input twice. */
  incomplete: 6,
  /** The report cannot be written; the scores are whole. */
  reportFailed: 7,
  /** Ctrl-C. */
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitReason = keyof typeof EXIT_CODES;

/** Ends the program with a message for a person, without a stack. */
export class CliError extends Error {
  readonly reason: ExitReason;

  constructor(reason: ExitReason, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'CliError';
    this.reason = reason;
  }
}
