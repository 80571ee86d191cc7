import type { Prediction } from '../../../outputs/classification';
import type { SegmentationMembers } from '../../../tasks/image-segmentation/row';
import type { DetectionMembers } from '../../../tasks/object-detection/row';
import type { KeptFile } from '../../../tasks/task-row';

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

interface DetectedRow extends RowBase, DetectionMembers {
  readonly status: 'ok';
}

interface SegmentedRow extends RowBase, SegmentationMembers {
  readonly status: 'ok';
}

interface EmbeddedRow extends RowBase {
  readonly status: 'ok';
  readonly embedding: readonly number[];
}

export interface GeneratedRow extends RowBase {
  readonly status: 'ok';
  readonly output: KeptFile;
}

export interface FailedRow extends RowBase {
  readonly status: 'error';
  readonly error: { readonly code: string; readonly message: string };
}

/** A row with a result. Those of a task that is not named here hold what its `row` says. */
export type ScoredRow = ClassifiedRow | DetectedRow | SegmentedRow | EmbeddedRow | GeneratedRow;
export type ScoreRow = ScoredRow | FailedRow;
