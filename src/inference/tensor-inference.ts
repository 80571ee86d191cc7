import type { Permit } from '../batching/admission';
import type { BatchResult } from '../batching/batch-request';
import { toServingError } from '../kernel/errors';
import type { ModelManager } from '../models/model-manager';
import type { Servable } from '../models/servable';
import type { Tensor } from '../kernel/tensor';
import type { ImagePreparer } from './image-preparer';
import { allOrFirstError, linkedAbort } from './fail-together';
import type { InferenceObserver } from './inference-observer';
import { requireImageTensorSize } from './image-tensor-size';
import { isImageInput, splitImages } from './image-tensors';
import { refusedInput } from './refused-input';
import type { TensorAnswer, TensorRequest, TensorTarget } from './tensor-request';
import { chooseOutputs, inOrder, targetOf } from './tensor-target';
import { joinParts, splitIntoParts, type TensorPart } from './tensor-parts';
import { validateInputs } from './validate-inputs';

export interface TensorInferenceOptions {
  readonly manager: Pick<ModelManager, 'acquire'>;
  readonly preparer: Pick<ImagePreparer, 'prepare'>;
  /** Pixels of one picture. */
  readonly maxPixels: number;
  readonly observer?: InferenceObserver;
}

/** What a part needs on its way. */
interface Run {
  readonly servable: Servable;
  readonly target: TensorTarget;
  readonly outputs: readonly string[];
  /** Time by performance.now() at which it must have left the queue. */
  readonly deadline: number;
  readonly signal: AbortSignal;
}

/** Makes one part ready, and says how to give back what it holds. */
type Prepare = () => Promise<TensorPart & { readonly release?: () => void }>;

/** The use case for tensors: permit → read → split → enqueue → join, the same for every protocol. */
export class TensorInference {
  readonly #options: TensorInferenceOptions;

  constructor(options: TensorInferenceOptions) {
    this.#options = options;
  }

  /**
   * Whether a request for this model would be taken, before anything is read of it.
   * @throws ServingError MODEL_NOT_FOUND, VERSION_NOT_FOUND, MODEL_NOT_READY, OVERLOADED, DRAINING
   */
  admit(model: string, version: number | undefined): void {
    const { servable, release } = this.#options.manager.acquire(model, version);
    release();
    servable.batcher.admission.requireRoom();
  }

  /**
   * Runs one request. A request of more rows than a batch may have is run in parts; it fails as a
   * whole when one of them does.
   * @throws ServingError
   */
  async infer(request: TensorRequest): Promise<TensorAnswer> {
    const { servable, release } = this.#options.manager.acquire(request.model, request.version);
    try {
      const permit = servable.batcher.admission.acquire(1);
      try {
        return await this.#observed(servable, () => this.#run(servable, request, permit));
      } finally {
        permit.release();
      }
    } finally {
      release();
    }
  }

  async #run(servable: Servable, request: TensorRequest, permit: Permit): Promise<TensorAnswer> {
    const started = performance.now();
    const target = targetOf(servable, request.signature);
    const outputs = chooseOutputs(target.signature, request.outputs?.(target));
    const inputs = inOrder(target.signature, await request.inputs(target));
    const images = inputs.find((input) => isImageInput(target, input));
    const abort = linkedAbort(request.signal);
    const run: Run = {
      servable,
      target,
      outputs,
      deadline: started + (request.timeoutMs ?? Infinity),
      signal: abort.controller.signal,
    };
    let rest: Permit | undefined;
    try {
      let parts: Prepare[];
      if (images === undefined) {
        validateInputs(target.signature, inputs);
        this.#requireSizes(target, inputs);
        const { maxBatchSize } = servable.spec.batching;
        const split = splitIntoParts(target.signature, inputs, maxBatchSize);
        // Before the parts are made: there may be millions.
        rest = acquireRest(servable, split.count);
        parts = Array.from(
          { length: split.count },
          (_, index) => () => Promise.resolve(split.part(index)),
        );
      } else {
        const rows = splitImages(target.signature, inputs, images);
        rest = acquireRest(servable, rows.length);
        parts = rows.map((row) => async () => {
          const { tensor, release } = await this.#options.preparer.prepare(
            servable,
            row.image,
            run.signal,
          );
          return { ...row.part(tensor), release };
        });
      }
      const readMs = performance.now() - started;
      const results = await allOrFirstError(
        parts.map((part, index) => this.#part(run, part, index === 0 ? permit : rest?.split())),
        () => {
          abort.controller.abort();
        },
      );
      const received = performance.now();
      const joined = joinParts(results.map(({ result }) => result.outputs));
      const longest = (of: (part: (typeof results)[number]) => number): number =>
        Math.max(0, ...results.map(of));
      return {
        target,
        outputs: joined,
        timings: {
          preprocessMs: readMs + longest(({ preprocessMs }) => preprocessMs),
          queueMs: longest(({ result }) => result.queueMs),
          inferMs: longest(({ result }) => result.inferMs),
          postprocessMs: performance.now() - received,
        },
        batchRows: longest(({ result }) => result.batchRows),
      };
    } finally {
      rest?.release();
      abort.unlink();
    }
  }

  #requireSizes({ spec, imageInput }: TensorTarget, inputs: readonly Tensor[]): void {
    const pictures = inputs.find(({ name }) => name === imageInput);
    if (spec.image === undefined || pictures === undefined) return;
    requireImageTensorSize(spec.image, pictures, this.#options.maxPixels);
  }

  async #part(
    { servable, target, outputs, deadline, signal }: Run,
    prepare: Prepare,
    permit: Permit | undefined,
  ): Promise<{ result: BatchResult; preprocessMs: number }> {
    if (permit === undefined) throw new RangeError('a part needs a permit');
    let release: (() => void) | undefined;
    try {
      const started = performance.now();
      const part = await prepare();
      ({ release } = part);
      const queued = performance.now();
      const result = await servable.batcher.submit(
        {
          signature: target.signatureName,
          inputs: part.inputs,
          rows: part.rows,
          batchable: part.batchable,
          outputs,
          signal,
          ...(Number.isFinite(deadline) ? { timeoutMs: Math.max(0, deadline - queued) } : {}),
        },
        permit,
      );
      return { result, preprocessMs: queued - started };
    } catch (thrown) {
      throw refusedInput(thrown);
    } finally {
      release?.();
      permit.release();
    }
  }

  async #observed(servable: Servable, work: () => Promise<TensorAnswer>): Promise<TensorAnswer> {
    const { observer } = this.#options;
    const { name, version, statistics } = servable;
    const started = performance.now();
    try {
      const answer = await work();
      const { preprocessMs, queueMs, inferMs, postprocessMs } = answer.timings;
      observer?.stage(name, version, 'preprocess', preprocessMs);
      observer?.stage(name, version, 'queue', queueMs);
      observer?.stage(name, version, 'infer', inferMs);
      observer?.stage(name, version, 'postprocess', postprocessMs);
      observer?.outcome(name, version, 'OK');
      statistics.succeeded(answer.timings);
      return answer;
    } catch (thrown) {
      const error = toServingError(thrown);
      observer?.outcome(name, version, error.code);
      statistics.failed(performance.now() - started);
      throw error;
    }
  }
}

/** What a way in needs of it. */
export type TensorUseCase = Pick<TensorInference, 'admit' | 'infer'>;

/** One permit is there already. */
function acquireRest({ batcher }: Servable, parts: number): Permit | undefined {
  return parts > 1 ? batcher.admission.acquire(parts - 1) : undefined;
}
