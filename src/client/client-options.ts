import type { InputValues } from './image-body';
import type { CallOptions } from './transport';

export interface ServingClientOptions {
  /**
   * Milliseconds for a whole call, retries included.
   * @default 60000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Attempts after the first, after 429, 503 or a lost connection. Loading and unloading models is
   * never tried again.
   * @default 3
   */
  readonly retries?: number | undefined;
  /**
   * Milliseconds of the first pause between attempts, at most. Each next one may be twice as
   * long. `Retry-After` of the server comes on top.
   * @default 200
   */
  readonly baseDelayMs?: number | undefined;
  /** @default 5000 */
  readonly maxDelayMs?: number | undefined;
  /** Sent with every request, such as Authorization for a proxy. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * What sends the requests.
   * @default the global fetch
   */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** Which model runs. */
export interface RunOptions extends CallOptions {
  readonly model: string;
  /** The newest available when absent. */
  readonly version?: number | undefined;
}

/** How images are answered. */
export interface ImageOptions extends RunOptions {
  /** What the model takes besides the images, the same for all of them: parameters and pictures by role. */
  readonly inputs?: InputValues | undefined;
}

export interface ClassifyOptions extends ImageOptions {
  /**
   * Predictions for each image, 1 to 100000.
   * @default `output.topK` of the model, else 5
   */
  readonly top?: number | undefined;
}

/** How pictures are answered. */
export interface PictureOptions extends ImageOptions {
  /** @default 'png' */
  readonly format?: 'png' | 'jpeg' | 'webp' | undefined;
  /**
   * 1 to 100; not used for PNG.
   * @default 90
   */
  readonly quality?: number | undefined;
}

export type GenerateOptions = PictureOptions;

/** For models that make pictures from parameters. */
export interface MakeOptions extends Omit<PictureOptions, 'inputs'> {
  /**
   * Pictures to make.
   * @default 1
   */
  readonly n?: number | undefined;
}

export interface DetectOptions extends ImageOptions {
  /**
   * Lowest score that is answered, 0 to 1.
   * @default `threshold` of the model, else 0.5
   */
  readonly threshold?: number | undefined;
}

export interface DetectPictureOptions extends DetectOptions, PictureOptions {}

export type SegmentOptions = ImageOptions;

export interface SegmentPictureOptions extends PictureOptions {
  /**
   * `mask`: a picture of class indices, as PNG with a palette; `cutout`: the photo with its
   * background transparent, which JPEG has not.
   * @default 'mask'
   */
  readonly output?: 'mask' | 'cutout' | undefined;
}

export interface EmbedOptions extends ImageOptions {
  /**
   * Vectors of unit length.
   * @default `normalize` of the model, else false
   */
  readonly normalize?: boolean | undefined;
}

export interface PredictImageOptions extends PictureOptions {
  /** Parameters of the model's task, such as `top` or `threshold`: docs/api.md. */
  readonly parameters?: Readonly<Record<string, string | number | boolean>> | undefined;
}

export interface PredictOptions extends RunOptions {
  /**
   * Signature of the SavedModel.
   * @default that of model.json, else serving_default
   */
  readonly signature?: string | undefined;
  /** Names of the outputs to answer; all when absent. */
  readonly outputs?: readonly string[] | undefined;
  /** Request parameters of the Open Inference Protocol. */
  readonly parameters?: Readonly<Record<string, string | number | boolean>> | undefined;
}
