interface RowBase {
  readonly path: string;
  /** Present where bytes of the path are percent-escaped because they are not UTF-8. */
  readonly pathEncoding?: 'percent';
  readonly root: string;
  readonly size?: number;
  readonly mtime?: string;
  readonly hash?: string;
  readonly model: string;
  readonly version: string;
  readonly timings?: Readonly<Record<string, number>>;
}

/** A row with a result: besides, the members that the `row` of its task names. */
export interface ScoredRow extends RowBase {
  readonly status: 'ok';
  readonly [member: string]: unknown;
}

export interface FailedRow extends RowBase {
  readonly status: 'error';
  readonly error: { readonly code: string; readonly message: string };
}

export type ScoreRow = ScoredRow | FailedRow;
