import type { EncodeFormat } from '../../../imaging/encode';
import type { Prediction } from '../../../outputs/classification';
import { CliError } from '../../exit-codes';

/** Milliseconds spent on one image. */
export interface EngineTimings {
  readonly decode: number;
  readonly queue: number;
  readonly inference: number;
  readonly output: number;
}

export interface Picture {
  readonly bytes: Uint8Array;
  readonly format: EncodeFormat;
  readonly width: number;
  readonly height: number;
}

export type EngineResult = (
  { readonly predictions: readonly Prediction[] } | { readonly picture: Picture }
) & { readonly timings: EngineTimings | undefined; readonly batchRows: number | undefined };

/** What to ask of a model. */
export interface EngineRequest {
  /** Predictions of an image; the model's own number when undefined. */
  readonly top: number | undefined;
  /** Of generated pictures. */
  readonly format: EncodeFormat;
  /** 1–100 for jpeg and webp. */
  readonly quality: number | undefined;
}

/** The fault of one image: it becomes its row. Everything else an engine throws ends the run. */
export class ImageFault extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'ImageFault';
    this.code = code;
  }
}

/** The stages of the server in the words of the rows. */
export function engineTimings(timings: {
  readonly preprocessMs: number;
  readonly queueMs: number;
  readonly inferMs: number;
  readonly postprocessMs: number;
}): EngineTimings {
  return {
    decode: timings.preprocessMs,
    queue: timings.queueMs,
    inference: timings.inferMs,
    output: timings.postprocessMs,
  };
}

/** What folders are scored with. */
const SCORED = ['image-classification', 'image-to-image'] as const;

/** @throws CliError usage for a model of another task */
export function requireImageTask(model: string, task: string): ScoringEngine['task'] {
  const scored = SCORED.find((name) => name === task);
  if (scored !== undefined) return scored;
  throw new CliError(
    'usage',
    `The task of model ${model} is ${task}; folders are scored with ${SCORED.join(' and ')}`,
  );
}

/** Where images are scored: in this process, or by servers. */
export interface ScoringEngine {
  readonly model: string;
  readonly version: string;
  readonly task: (typeof SCORED)[number];
  /** Images under way at once that keep it busy. */
  readonly concurrency: number;
  /** Where it scores, in words. */
  readonly place: string;
  /**
   * Scores one encoded image. Waits where the engine is busy.
   * @throws ImageFault for what concerns this image alone; CliError engineFailed
   */
  score(image: Buffer, signal: AbortSignal): Promise<EngineResult>;
  close(): Promise<void>;
}
