/**
 * Whether the rows of a signature are independent: run together they give what each gives alone. Only
 * then may requests share a run, or one be cut.
 */
export interface RowsVerdict {
  readonly independent: boolean;
  /** Why not; undefined when they are. */
  readonly reason: string | undefined;
}

export const INDEPENDENT: RowsVerdict = { independent: true, reason: undefined };

/** They stay together: each request is run as it was sent. */
export function together(reason: string): RowsVerdict {
  return { independent: false, reason };
}
