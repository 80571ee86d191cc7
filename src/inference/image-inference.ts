import type { Permit } from '../batching/admission';
import type { EncodeFormat } from '../imaging/encode';
import { ServingError, toServingError } from '../kernel/errors';
import type { Task } from '../models/model-config';
import type { ModelManager } from '../models/model-manager';
import type { Servable } from '../models/servable';
import type { RequestTimings } from '../models/servable-statistics';
import type { Prediction } from '../outputs/classification';
import { classifying, generating, type Answering } from './image-answering';
import { attemptImage, type AttemptOf, type AttemptParts } from './image-attempt';
import type {
  AnsweredImage,
  ImageAnswer,
  ImageRequest,
  ImageResult,
  ImageSource,
  Picture,
} from './image-request';

export interface ImageInferenceOptions extends AttemptParts {
  readonly manager: Pick<ModelManager, 'acquire'>;
}

/** How the images of one request are answered by one servable. */
interface Job<T> {
  readonly servable: Servable;
  readonly answering: (servable: Servable) => Answering<T>;
  readonly signal: AbortSignal | undefined;
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
    { model, version, images, signal }: ImageRequest,
    task: Task,
    answering: Job<T>['answering'],
  ): Promise<ImageAnswer<T>> {
    const { servable, release } = this.#options.manager.acquire(model, version);
    try {
      requireTask(servable, task);
      const permit = servable.batcher.admission.acquire(images.length);
      try {
        const job = { servable, answering, signal };
        const results = await Promise.all(
          images.map((image) => this.#observed(job, image, permit.split())),
        );
        const { name, version: served } = servable;
        return { model: name, version: served, results, timings: longest(results) };
      } finally {
        permit.release();
      }
    } finally {
      release();
    }
  }

  /** Never rejects: what concerns one image is its result. Each image has one outcome. */
  async #observed<T>(job: Job<T>, image: ImageSource, permit: Permit): Promise<ImageResult<T>> {
    const { name, version, statistics } = job.servable;
    const { observer } = this.#options;
    const started = performance.now();
    try {
      if (image instanceof ServingError) throw image;
      const result = await this.#answer(job, image, permit);
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

  /** Once more where it was queued for a rewrite that a new instance could not load any more. */
  async #answer<T>(
    { servable, answering, signal }: Job<T>,
    image: Uint8Array,
    permit: Permit,
  ): Promise<AnsweredImage<T>> {
    const first: AttemptOf<T> = { servable, image, permit, signal, how: answering(servable) };
    try {
      return await attemptImage(first, this.#options);
    } catch (thrown) {
      const how = answering(servable);
      if (how.run.signatureName === first.how.run.signatureName) throw thrown;
      // The first permit went when its batch was formed.
      const again = servable.batcher.admission.acquire(1);
      try {
        return await attemptImage({ ...first, how, permit: again }, this.#options);
      } finally {
        again.release();
      }
    }
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
    results.reduce((most, result) => Math.max(most, result.ok ? result.timings[stage] : 0), 0);
  return {
    preprocessMs: of('preprocessMs'),
    queueMs: of('queueMs'),
    inferMs: of('inferMs'),
    postprocessMs: of('postprocessMs'),
  };
}
