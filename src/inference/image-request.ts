import type { ServingError } from '../kernel/errors';
import type { RequestTimings } from '../models/servable-statistics';
import type { TaskAnswer } from '../tasks/task';

/** An image as it came in; a fault found while reading the request stands in its place. */
export type ImageSource = Uint8Array | ServingError;

export interface AnsweredImage {
  readonly ok: true;
  readonly value: TaskAnswer;
  readonly timings: RequestTimings;
  /** Rows in the batch that the image ran in. */
  readonly batchRows: number;
}

export type ImageResult = AnsweredImage | { readonly ok: false; readonly error: ServingError };

export interface ImageAnswer {
  readonly model: string;
  readonly version: number;
  /** One for each image, in order. */
  readonly results: readonly ImageResult[];
  readonly timings: RequestTimings;
}

export interface ImageRequest {
  readonly model: string;
  /** The newest available when absent. */
  readonly version?: number | undefined;
  readonly images: readonly ImageSource[];
  /** Aborted when the client has gone. */
  readonly signal?: AbortSignal | undefined;
}
