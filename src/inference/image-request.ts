import type { ServingError } from '../kernel/errors';
import type { RequestTimings } from '../models/servable-statistics';
import type { RawValues } from '../tasks/inputs/request-values';
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

/** What a request says besides the images that are answered. */
export interface MoreOfRequest {
  /** As they came, by name: parameters that model.json has, and no others. */
  readonly values: RawValues;
  /** Further pictures by role: one for all images, or one for each. */
  readonly pictures: ReadonlyMap<string, readonly ImageSource[]>;
}

export interface ImageRequest {
  readonly model: string;
  /** The newest available when absent. */
  readonly version?: number | undefined;
  /** None for a task without an upload. */
  readonly images: readonly ImageSource[];
  readonly more?: MoreOfRequest | undefined;
  /** Aborted when the client has gone. */
  readonly signal?: AbortSignal | undefined;
}
