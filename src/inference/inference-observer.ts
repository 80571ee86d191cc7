import type { ErrorCode } from '../kernel/errors';

export type Stage = 'preprocess' | 'queue' | 'infer' | 'postprocess';

/** How far an image is that is run in tiles. */
export interface TileProgress {
  /** Tiles that have been joined, and of how many. */
  readonly done: number;
  readonly of: number;
  readonly elapsedMs: number;
}

/** Told what happened to every image; feeds the metrics. */
export interface InferenceObserver {
  readonly stage: (model: string, version: number, stage: Stage, ms: number) => void;
  /** Now and then while an image is run in tiles for long. */
  readonly tiles?: ((model: string, version: number, progress: TileProgress) => void) | undefined;
  /** `code` is `OK` or an error code. */
  readonly outcome: (model: string, version: number, code: ErrorCode | 'OK') => void;
}
