import type { Permit } from '../batching/admission';
import { ServingError, toServingError, type ErrorCode } from '../kernel/errors';
import type { EncodeFormat } from '../imaging/encode';
import type { ImageTensor } from '../imaging/preprocess';
import type { ModelManager } from '../models/model-manager';
import type { Servable } from '../models/servable';
import type { Task } from '../models/model-config';
import type { RequestTimings } from '../models/servable-statistics';
import type { Prediction } from '../outputs/classification';
import type { Semaphore } from '../kernel/semaphore';
import type { Tensor } from '../kernel/tensor';
import type { ImageDecoder } from './image-preparer';
import { classifying, generating, type Answering } from './image-answering';
import type { ImageRun } from './image-run';
import { validateInputs } from './validate-inputs';

/** An image as it came in; a fault found while reading the request stands in its place. */
export type ImageSource = Uint8Array | ServingError;

export type ImageResult<T> =
  | {
      readonly ok: true;
      readonly value: T;
      readonly timings: RequestTimings;
      /** Rows in the batch that the image ran in. */
      readonly batchRows: number;
    }
  | { readonly ok: false; readonly error: ServingError };

export interface ImageAnswer<T> {
  readonly model: string;
  readonly version: number;
  /** One for each image, in order. */
  readonly results: readonly ImageResult<T>[];
  readonly timings: RequestTimings;
}

export interface ImageRequest {
  readonly model: string;
  /** The newest available when absent. */
  readonly version?: number;
  readonly images: readonly ImageSource[];
  /** Aborted when the client has gone. */
  readonly signal?: AbortSignal;
}

export interface Picture {
  readonly bytes: Buffer;
  readonly format: EncodeFormat;
  readonly width: number;
  readonly height: number;
}

export type Stage = 'preprocess' | 'queue' | 'infer' | 'postprocess';

/** Told what happened to every image; feeds the metrics. */
export interface InferenceObserver {
  readonly stage: (model: string, version: number, stage: Stage, ms: number) => void;
  /** `code` is `OK` or an error code. */
  readonly outcome: (model: string, version: number, code: ErrorCode | 'OK') => void;
}

export interface ImageInferenceOptions {
  readonly manager: ModelManager;
  readonly decoder: ImageDecoder;
  /** Images decoded or encoded at the same time; the decoder's. */
  readonly imaging: Semaphore;
  readonly observer?: InferenceObserver;
}

/** The use case: permit → preprocess → enqueue → postprocess, the same for every way in. */
export class ImageInference {
  readonly #options: ImageInferenceOptions;

  constructor(options: ImageInferenceOptions) {
    this.#options = options;
  }

  /**
   * Labels for each image.
   * @param top predictions an image; the model's own number when absent
   * @throws ServingError for what concerns the whole request: MODEL_NOT_FOUND, WRONG_TASK,
   *   OVERLOADED …; what concerns one image is in its result
   */
  classify(request: ImageRequest, top?: number): Promise<ImageAnswer<Prediction[]>> {
    return this.#infer(request, 'image-classification', classifying(top));
  }

  /**
   * A picture for each image.
   * @param format of the answer; quality 1–100 for jpeg and webp
   * @throws ServingError as `classify`
   */
  generate(
    request: ImageRequest,
    format: EncodeFormat,
    quality?: number,
  ): Promise<ImageAnswer<Picture>> {
    const { imaging } = this.#options;
    return this.#infer(request, 'image-to-image', generating(imaging, format, quality));
  }

  async #infer<T>(
    request: ImageRequest,
    task: Task,
    answering: (servable: Servable) => Answering<T>,
  ): Promise<ImageAnswer<T>> {
    const { servable, release } = this.#options.manager.acquire(request.model, request.version);
    try {
      if (servable.spec.task !== task) {
        throw new ServingError(
          'WRONG_TASK',
          `Model ${servable.name} does ${servable.spec.task}, not ${task}`,
        );
      }
      const permit = servable.batcher.admission.acquire(request.images.length);
      try {
        const results = await Promise.all(
          request.images.map((image) =>
            this.#one(servable, image, permit.split(), request.signal, answering),
          ),
        );
        return {
          model: servable.name,
          version: servable.version,
          results,
          timings: longest(results),
        };
      } finally {
        permit.release();
      }
    } finally {
      release();
    }
  }

  async #one<T>(
    servable: Servable,
    image: ImageSource,
    permit: Permit,
    signal: AbortSignal | undefined,
    answering: (servable: Servable) => Answering<T>,
  ): Promise<ImageResult<T>> {
    const how = answering(servable);
    const result = await this.#attempt(servable, image, permit, signal, how);
    if (result.ok) return result;
    const now = answering(servable);
    if (now.run.signatureName === how.run.signatureName) return result;
    // Queued for a rewrite that a new worker could not load any more.
    const second = servable.batcher.admission.acquire(1);
    return this.#attempt(servable, image, second, signal, now);
  }

  async #attempt<T>(
    servable: Servable,
    image: ImageSource,
    permit: Permit,
    signal: AbortSignal | undefined,
    how: Answering<T>,
  ): Promise<ImageResult<T>> {
    const { observer } = this.#options;
    const { name, version } = servable;
    const stage = (which: Stage, ms: number): number => {
      observer?.stage(name, version, which, ms);
      return ms;
    };
    const started = performance.now();
    const memory: ArrayBuffer[] = [];
    try {
      if (image instanceof ServingError) throw image;
      const { decoder } = this.#options;
      const tensor = await decoder.decode(servable, image, memory, signal, how.run.image);
      const preprocessMs = stage('preprocess', performance.now() - started);
      const run = await this.#run(servable, how.run, tensor, permit, signal);
      stage('queue', run.queueMs);
      stage('infer', run.inferMs);
      const received = performance.now();
      const value = await how.postprocess({ outputs: run.outputs, tensor });
      const postprocessMs = stage('postprocess', performance.now() - received);
      observer?.outcome(name, version, 'OK');
      const { queueMs, inferMs, batchRows } = run;
      const timings = { preprocessMs, queueMs, inferMs, postprocessMs };
      servable.statistics.succeeded(timings);
      return { ok: true, value, timings, batchRows };
    } catch (thrown) {
      const error = toServingError(thrown);
      observer?.outcome(name, version, error.code);
      servable.statistics.failed(performance.now() - started);
      return { ok: false, error };
    } finally {
      // Run or failed, nothing looks at the pixels again.
      this.#options.decoder.release(memory);
      permit.release();
    }
  }

  async #run(
    { batcher }: Servable,
    { signatureName, signature, image, outputs: names }: ImageRun,
    tensor: ImageTensor,
    permit: Permit,
    signal: AbortSignal | undefined,
  ): Promise<{ outputs: readonly Tensor[]; queueMs: number; inferMs: number; batchRows: number }> {
    const input: Tensor = {
      name: image?.inputName ?? '',
      dtype: image?.dtype ?? 'float32',
      shape: [1, ...tensor.shape],
      data: tensor.data,
    };
    validateInputs(signature, [input]);
    return batcher.submit(
      {
        signature: signatureName,
        inputs: [input],
        rows: 1,
        outputs: names,
        ...(signal === undefined ? {} : { signal }),
      },
      permit,
    );
  }
}

/** What a way in needs of it. */
export type ImageUseCase = Pick<ImageInference, 'classify' | 'generate'>;

function longest<T>(results: readonly ImageResult<T>[]): RequestTimings {
  const of = (stage: keyof RequestTimings): number =>
    Math.max(0, ...results.map((result) => (result.ok ? result.timings[stage] : 0)));
  return {
    preprocessMs: of('preprocessMs'),
    queueMs: of('queueMs'),
    inferMs: of('inferMs'),
    postprocessMs: of('postprocessMs'),
  };
}
