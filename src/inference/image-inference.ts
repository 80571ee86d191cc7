import type { Permit } from '../batching/admission';
import { ServingError, toServingError } from '../kernel/errors';
import type { Semaphore } from '../kernel/semaphore';
import type { ModelManager } from '../models/model-manager';
import type { Servable } from '../models/servable';
import type { RequestTimings } from '../models/servable-statistics';
import type { ModelInputs } from '../tasks/inputs/model-inputs';
import type { Answering, AnyTask, PictureWish, TaskModel, TaskTools } from '../tasks/task';
import { attemptImage, type AttemptOf, type AttemptParts } from './image-attempt';
import type { ImagePreparer } from './image-preparer';
import type {
  AnsweredImage,
  ImageAnswer,
  ImageRequest,
  ImageResult,
  ImageSource,
} from './image-request';
import { requireTask } from './require-task';
import { rowsOf, type RowInputs } from './row-inputs';
import { taskModel } from './task-model';

export interface ImageInferenceOptions extends AttemptParts {
  readonly manager: Pick<ModelManager, 'acquire'>;
  readonly preparer: AttemptParts['preparer'] & Pick<ImagePreparer, 'withPixels'>;
  /** Images decoded or encoded at the same time; the preparer's. */
  readonly imaging: Semaphore;
}

/** What a request for a model may say. */
export interface Admitted {
  /** What the model does. */
  readonly task: AnyTask;
  /** What it takes. */
  readonly inputs: ModelInputs;
}

/** What is asked of a model, besides the images. */
export interface Asked {
  /** As `admit` returned it. */
  readonly task: AnyTask;
  /** What the task's `parameters` have parsed. */
  readonly parameters: unknown;
  /** How pictures are wanted; undefined: none are. */
  readonly wish: PictureWish | undefined;
}

/** How the images of one request are answered by one servable. */
interface Job {
  readonly servable: Servable;
  readonly answering: () => Answering;
  readonly signal: AbortSignal | undefined;
}

/** The use case: permit → preprocess → enqueue → postprocess, the same for every way in. */
export class ImageInference {
  readonly #options: ImageInferenceOptions;
  readonly #tools: TaskTools;

  constructor(options: ImageInferenceOptions) {
    this.#options = options;
    const { imaging, preparer } = options;
    this.#tools = { imaging, withPixels: (image, use) => preparer.withPixels(image, use) };
  }

  /**
   * Whether a request for this model would be taken, before anything is read of it.
   * @param verb the task's, or `predict` for whatever the model does
   * @throws ServingError MODEL_NOT_FOUND, VERSION_NOT_FOUND, MODEL_NOT_READY, WRONG_TASK, OVERLOADED,
   *   DRAINING
   */
  admit(model: string, version: number | undefined, verb: string): Admitted {
    const { servable, release } = this.#options.manager.acquire(model, version);
    release();
    const task = requireTask(servable, verb);
    servable.batcher.admission.requireRoom();
    return { task, inputs: servable.spec.inputs };
  }

  /**
   * What the model's task answers for each image.
   * @throws ServingError for what concerns the whole request: MODEL_NOT_FOUND, WRONG_TASK,
   *   OVERLOADED …; what concerns one image is in its result
   */
  async answer(
    { model, version, images: sent, more, signal }: ImageRequest,
    { task, parameters, wish }: Asked,
  ): Promise<ImageAnswer> {
    const { servable, release } = this.#options.manager.acquire(model, version);
    try {
      // Another version may have come since it was admitted.
      requireSame(task, requireTask(servable, task.verb));
      const images = imagesOf(task, parameters, sent);
      const { inputs } = servable.spec;
      const rows = inputs.more.length === 0 ? [] : rowsOf(inputs, images.length, more);
      const permit = servable.batcher.admission.acquire(images.length);
      try {
        const answering = (): Answering =>
          task.answering(this.#modelOf(servable), parameters as never, wish, this.#tools);
        const job = { servable, answering, signal };
        const results = await Promise.all(
          images.map((image, place) => this.#observed(job, image, rows[place], permit.split())),
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

  /** A hook is given the outputs of the signature, which the rewritten graph does not have. */
  #modelOf(servable: Servable): TaskModel<never> {
    const model = taskModel(servable);
    return this.#options.hooks?.postprocesses(servable.name) === true
      ? { ...model, rewritten: undefined }
      : model;
  }

  /** Never rejects: what concerns one image is its result. Each image has one outcome. */
  async #observed(
    job: Job,
    image: ImageSource,
    more: RowInputs | undefined,
    permit: Permit,
  ): Promise<ImageResult> {
    const { name, version, statistics } = job.servable;
    const { observer } = this.#options;
    const started = performance.now();
    try {
      if (image instanceof ServingError) throw image;
      const answered = await this.#answer(job, image, more, permit);
      const result = more?.seed === undefined ? answered : withSeed(answered, more.seed);
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
  async #answer(
    { servable, answering, signal }: Job,
    image: Uint8Array,
    more: RowInputs | undefined,
    permit: Permit,
  ): Promise<AnsweredImage> {
    const first: AttemptOf = { servable, image, more, permit, signal, how: answering() };
    try {
      return await attemptImage(first, this.#options);
    } catch (thrown) {
      const how = answering();
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

/** Two tasks may share a verb. @throws ServingError WRONG_TASK */
function requireSame(task: AnyTask, now: AnyTask): void {
  if (task === now) return;
  throw new ServingError(
    'WRONG_TASK',
    `The model does ${now.name} now, not ${task.name}: ask again`,
  );
}

/** Of an answer that nothing is uploaded for. */
const NO_IMAGE = new Uint8Array();

/** One for each answer. */
function imagesOf(
  task: AnyTask,
  parameters: unknown,
  sent: readonly ImageSource[],
): readonly ImageSource[] {
  if (task.upload !== 'none') return sent;
  const count = task.count?.(parameters as never) ?? 1;
  return new Array<ImageSource>(count).fill(NO_IMAGE);
}

function withSeed(answered: AnsweredImage, seed: number): AnsweredImage {
  const { value } = answered;
  return { ...answered, value: { ...value, data: { ...value.data, seed } } };
}

/** What a way in needs of it. */
export type ImageUseCase = Pick<ImageInference, 'admit' | 'answer'>;

function longest(results: readonly ImageResult[]): RequestTimings {
  const of = (stage: keyof RequestTimings): number =>
    results.reduce((most, result) => Math.max(most, result.ok ? result.timings[stage] : 0), 0);
  return {
    preprocessMs: of('preprocessMs'),
    queueMs: of('queueMs'),
    inferMs: of('inferMs'),
    postprocessMs: of('postprocessMs'),
  };
}
