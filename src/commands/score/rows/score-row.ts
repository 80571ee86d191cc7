import type { Prediction } from '../../../outputs/classification';

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

export interface ClassifiedRow extends RowBase {
  readonly status: 'ok';
  readonly predictions: readonly Prediction[];
}

export interface GeneratedRow extends RowBase {
  readonly status: 'ok';
  readonly output: {
    readonly path: string;
    readonly width: number;
    readonly height: number;
    readonly format: string;
    readonly bytes: number;
  };
}

export interface FailedRow extends RowBase {
  readonly status: 'error';
  readonly error: { readonly code: string; readonly message: string };
}

export type ScoreRow = ClassifiedRow | GeneratedRow | FailedRow;
