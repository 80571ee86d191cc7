import type { Permit } from '../batching/admission';
import type { BatchResult } from '../batching/batch-request';
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
import type { ImagePreparer } from './image-preparer';
import { classifying, generating, type Answering } from './image-answering';
import type { ImageRun } from './image-run';
import { validateInputs } from './validate-inputs';

/** An image as it came in; a fault found while reading the request stands in its place. */
export type ImageSource = Uint8Array | ServingError;

export interface AnsweredImage<T> {
  readonly ok: true;
  readonly value: T;
  readonly timings: RequestTimings;
  /** Rows in the batch that the image ran in. */
  readonly batchRows: number;
}

export type ImageResult<T> =
  AnsweredImage<T> | { readonly ok: false; readonly error: ServingError };

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
  readonly version?: number | undefined;
  readonly images: readonly ImageSource[];
  /** Aborted when the client has gone. */
  readonly signal?: AbortSignal | undefined;
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
  readonly preparer: ImagePreparer;
  /** Images decoded or encoded at the same time; the preparer's. */
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
   * Whether a request for this model and task would be taken, before anything is read of it.
   * @throws ServingError MODEL_NOT_FOUND, VERSION_NOT_FOUND, MODEL_NOT_READY, WRONG_TASK, OVERLOADED,
   *   DRAINING
   */
  admit(model: string, version: number | undefined, task: Task): void {
    const { servable, release } = this.#options.manager.acquire(model, version);
    release();
    requireTask(servable, task);
    servable.batcher.admission.requireRoom();
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
      requireTask(servable, task);
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

  /** Never rejects: what concerns one image is its result. */
  async #one<T>(
    servable: Servable,
    image: ImageSource,
    permit: Permit,
    signal: AbortSignal | undefined,
    answering: (servable: Servable) => Answering<T>,
  ): Promise<ImageResult<T>> {
    const { name, version, statistics } = servable;
    const { observer } = this.#options;
    const started = performance.now();
    try {
      if (image instanceof ServingError) throw image;
      const result = await this.#twice(servable, image, permit, signal, answering);
      observer?.outcome(name, version, 'OK');
      statistics.succeeded(result.timings);
      return result;
    } catch (thrown) {
      const error = toServingError(thrown);
      observer?.outcome(name, version, error.code);
      statistics.failed(performance.now() - started);
      return { ok: false, error };
    } finally {
      permit.release();
    }
  }

  /** Once more where it was queued for a rewrite that a new worker could not load any more. */
  async #twice<T>(
    servable: Servable,
    image: Uint8Array,
    permit: Permit,
    signal: AbortSignal | undefined,
    answering: (servable: Servable) => Answering<T>,
  ): Promise<AnsweredImage<T>> {
    const first = answering(servable);
    try {
      return await this.#attempt(servable, image, permit, signal, first);
    } catch (thrown) {
      const second = answering(servable);
      if (second.run.signatureName === first.run.signatureName) throw thrown;
      return this.#again(servable, image, signal, second);
    }
  }

  async #again<T>(
    servable: Servable,
    image: Uint8Array,
    signal: AbortSignal | undefined,
    how: Answering<T>,
  ): Promise<AnsweredImage<T>> {
    // The first permit went when its batch was formed.
    const permit = servable.batcher.admission.acquire(1);
    try {
      return await this.#attempt(servable, image, permit, signal, how);
    } finally {
      permit.release();
    }
  }

  async #attempt<T>(
    servable: Servable,
    image: Uint8Array,
    permit: Permit,
    signal: AbortSignal | undefined,
    how: Answering<T>,
  ): Promise<AnsweredImage<T>> {
    const { observer, preparer } = this.#options;
    const { name, version } = servable;
    const stage = (which: Stage, ms: number): number => {
      observer?.stage(name, version, which, ms);
      return ms;
    };
    const started = performance.now();
    const { tensor, release } = await preparer.prepare(servable, image, signal, how.run.image);
    try {
      const preprocessMs = stage('preprocess', performance.now() - started);
      const { outputs, queueMs, inferMs, batchRows } = await this.#run(
        servable,
        how.run,
        tensor,
        permit,
        signal,
      );
      stage('queue', queueMs);
      stage('infer', inferMs);
      const received = performance.now();
      const value = await how.postprocess({ outputs, tensor });
      const postprocessMs = stage('postprocess', performance.now() - received);
      return {
        ok: true,
        value,
        timings: { preprocessMs, queueMs, inferMs, postprocessMs },
        batchRows,
      };
    } finally {
      release();
    }
  }

  #run(
    { batcher }: Servable,
    { signatureName, signature, image, outputs: names }: ImageRun,
    tensor: ImageTensor,
    permit: Permit,
    signal: AbortSignal | undefined,
  ): Promise<BatchResult> {
    const input: Tensor = {
      name: image?.inputName ?? '',
      dtype: image?.dtype ?? 'float32',
      shape: [1, ...tensor.shape],
      data: tensor.data,
    };
    validateInputs(signature, [input]);
    return batcher.submit(
      { signature: signatureName, inputs: [input], rows: 1, outputs: names, signal },
      permit,
    );
  }
}

/** What a way in needs of it. */
export type ImageUseCase = Pick<ImageInference, 'admit' | 'classify' | 'generate'>;

function requireTask({ name, spec }: Servable, task: Task): void {
  if (spec.task === task) return;
  throw new ServingError('WRONG_TASK', `Model ${name} does ${spec.task}, not ${task}`);
}

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
