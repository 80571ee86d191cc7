import type { Permit } from '../batching/admission';
import type { BatchResult } from '../batching/batch-request';
import { ServingError, toServingError } from '../kernel/errors';
import type { ModelManager } from '../models/model-manager';
import type { Servable } from '../models/servable';
import type { Tensor } from '../kernel/tensor';
import type { ImagePreparer } from './image-preparer';
import { fitColumns, type Fitted } from './columns';
import { allOrFirstError, linkedAbort } from './fail-together';
import type { InferenceObserver } from './inference-observer';
import type { HookRunner } from './model-hooks';
import { requireImageTensorSize } from './image-tensor-size';
import { isImageInput, splitImages, type ImageRow } from './image-tensors';
import { outputsOfNoRows, withInnerShape } from './no-rows';
import { ownStage } from './own-stage';
import { refusedInput } from './refused-input';
import type { TensorAnswer, TensorRequest, TensorTarget } from './tensor-request';
import { chooseOutputs, inOrder, targetOf } from './tensor-target';
import { joinParts, splitIntoParts, wholeRequest, type TensorPart } from './tensor-parts';
import { validateInputs } from './validate-inputs';

export interface TensorInferenceOptions {
  readonly manager: Pick<ModelManager, 'acquire'>;
  readonly preparer: Pick<ImagePreparer, 'prepare'>;
  /** Pixels of one picture. */
  readonly maxPixels: number;
  readonly observer?: InferenceObserver;
  readonly hooks?: HookRunner | undefined;
}

/** What a part needs on its way. */
interface Run {
  readonly servable: Servable;
  readonly target: TensorTarget;
  readonly outputs: readonly string[];
  /** Time by performance.now() at which it must have left the queue. */
  readonly deadline: number;
  /** Of all parts: one that fails stops the others. */
  readonly abort: AbortController;
}

/** A part that is ready to run, and how to give back what it holds. */
type PreparedPart = TensorPart & { readonly release?: () => void };

/** The parts of a request, which are made one by one. */
interface Parts {
  readonly count: number;
  readonly part: (index: number) => Promise<PreparedPart>;
}

interface PartResult {
  readonly result: BatchResult;
  readonly preprocessMs: number;
}

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
    const observed = { servable, observer: this.#options.observer };
    const { inputs, mirror } = await ownStage(observed, 'preprocess', async () =>
      fitInputs(target, await request.inputs(target)),
    );
    const abort = linkedAbort(request.signal);
    const run: Run = {
      servable,
      target,
      outputs,
      deadline: started + (request.timeoutMs ?? Infinity),
      abort: abort.controller,
    };
    try {
      const parts = this.#parts(run, inputs);
      if (parts.count === 0) return nothingToRun(target, outputs, mirror);
      const readMs = performance.now() - started;
      const results = await this.#execute(run, parts, inputs, permit);
      const received = performance.now();
      const joined = await ownStage(observed, 'postprocess', () =>
        Promise.resolve(mirror(joinParts(results.map(({ result }) => result.outputs)))),
      );
      const longest = (of: (part: PartResult) => number): number => Math.max(0, ...results.map(of));
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
      abort.unlink();
    }
  }

  /** What the request is run in, none for one without rows; nothing of it is made yet. */
  #parts({ servable, target, abort }: Run, inputs: readonly Tensor[]): Parts {
    const images = inputs.find((input) => isImageInput(target, input));
    if (images === undefined) {
      validateInputs(target.signature, inputs);
      this.#requireSizes(target, inputs);
      const { count, part } = splitIntoParts(target, inputs, servable.spec.batching.maxBatchSize);
      return { count, part: (index) => Promise.resolve(part(index)) };
    }
    const rows = splitImages(target.signature, inputs, images);
    const prepare = async (row: ImageRow): Promise<PreparedPart> => {
      const { preparer, observer, hooks } = this.#options;
      const { name: model, version } = servable;
      const { tensor, release } = await ownStage({ servable, observer }, 'preprocess', async () => {
        const image = (await hooks?.preprocess(row.image, { model, version })) ?? row.image;
        return preparer.prepare(servable, image, abort.signal);
      });
      return { ...row.part(tensor), release };
    };
    if (target.independentRows || rows.length <= 1) {
      if (rows.length === 0 && !target.independentRows) {
        throw new ServingError(
          'INVALID_INPUT',
          `input "${images.name}" holds no image, and the model looks at all of a request together`,
        );
      }
      return {
        count: rows.length,
        part: async (index) => {
          const row = rows[index];
          if (row === undefined) throw new RangeError('there is no such part');
          const part = await prepare(row);
          return target.independentRows ? part : { ...part, batchable: false };
        },
      };
    }
    return {
      count: 1,
      part: () =>
        joinImages(
          rows.map((row) => () => prepare(row)),
          abort,
        ),
    };
  }

  /**
   * Runs all parts. Where it turns out that answers cannot be put together again, the request is run
   * once more, whole.
   */
  async #execute(
    run: Run,
    parts: Parts,
    inputs: readonly Tensor[],
    permit: Permit,
  ): Promise<readonly PartResult[]> {
    const { admission } = run.servable.batcher;
    // Before the parts are made: there may be millions. One permit is there already.
    const rest = parts.count > 1 ? admission.acquire(parts.count - 1) : undefined;
    try {
      const results = await allOrFirstError(
        Array.from({ length: parts.count }, (_, index) =>
          this.#part(run, () => parts.part(index), index === 0 ? permit : rest?.split()),
        ),
        () => {
          run.abort.abort();
        },
      );
      if (parts.count === 1 || results.every(({ result }) => result.rowsMatch)) return results;
    } finally {
      rest?.release();
    }
    const whole = this.#parts(
      { ...run, target: { ...run.target, independentRows: false } },
      inputs,
    );
    const again = admission.acquire(1);
    return [await this.#part(run, () => whole.part(0), again)];
  }

  #requireSizes({ spec, imageInput }: TensorTarget, inputs: readonly Tensor[]): void {
    const pictures = inputs.find(({ name }) => name === imageInput);
    if (spec.image === undefined || pictures === undefined) return;
    requireImageTensorSize(spec.image, pictures, this.#options.maxPixels);
  }

  async #part(
    { servable, target, outputs, deadline, abort }: Run,
    prepare: () => Promise<PreparedPart>,
    permit: Permit | undefined,
  ): Promise<PartResult> {
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
          signal: abort.signal,
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

/** The inputs in the order and, where only the way of writing differs, in the shapes of the signature. */
function fitInputs({ signature }: TensorTarget, given: readonly Tensor[]): Fitted {
  const inputs = given.map((input) =>
    withInnerShape(
      signature.inputs.find(({ name }) => name === input.name),
      input,
    ),
  );
  return fitColumns(signature, inOrder(signature, inputs));
}

/** The answer to a request of no row. */
function nothingToRun(
  target: TensorTarget,
  names: readonly string[],
  mirror: Fitted['mirror'],
): TensorAnswer {
  return {
    target,
    outputs: mirror(outputsOfNoRows(target.signature, names)),
    timings: { preprocessMs: 0, queueMs: 0, inferMs: 0, postprocessMs: 0 },
    batchRows: 0,
  };
}

/** What a way in needs of it. */
export type TensorUseCase = Pick<TensorInference, 'admit' | 'infer'>;

/** Images whose rows belong together make one part: they are decoded side by side. */
async function joinImages(
  prepare: readonly (() => Promise<PreparedPart>)[],
  abort: AbortController,
): Promise<PreparedPart> {
  const prepared: PreparedPart[] = [];
  const release = (): void => {
    for (const part of prepared) part.release?.();
  };
  try {
    const parts = await allOrFirstError(
      prepare.map(async (one) => {
        const part = await one();
        prepared.push(part);
        return part;
      }),
      () => {
        abort.abort();
      },
    );
    return { ...wholeRequest(joinParts(parts.map(({ inputs }) => inputs))), release };
  } catch (thrown) {
    release();
    throw thrown;
  }
}
