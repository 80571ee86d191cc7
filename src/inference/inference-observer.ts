import type { ErrorCode } from '../kernel/errors';

export type Stage = 'preprocess' | 'queue' | 'infer' | 'postprocess';

/** Told what happened to every image; feeds the metrics. */
export interface InferenceObserver {
  readonly stage: (model: string, version: number, stage: Stage, ms: number) => void;
  /** `code` is `OK` or an error code. */
  readonly outcome: (model: string, version: number, code: ErrorCode | 'OK') => void;
}
