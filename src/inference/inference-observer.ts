import type { ErrorCode } from '../kernel/errors';

export type Stage = 'preprocess' | 'queue' | 'infer' | 'postprocess';

/** What is done outside the batcher. */
export type OwnStage = Exclude<Stage, 'queue' | 'infer'>;

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
  /**
   * From when to when a stage was, by performance.now(), and what it failed with. It is told in the course of
   * the request; the batcher tells of the other stages.
   */
  readonly span?:
    | ((
        model: string,
        version: number,
        stage: OwnStage,
        duration: { readonly from: number; readonly to: number; readonly error: unknown },
      ) => void)
    | undefined;
  /** `code` is `OK` or an error code. */
  readonly outcome: (model: string, version: number, code: ErrorCode | 'OK') => void;
}
