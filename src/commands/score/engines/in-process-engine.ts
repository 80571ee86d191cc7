import { toServingError, type ServingError } from '../../../kernel/errors';
import type { ImageInference } from '../../../inference/image-inference';
import { ANY_VERB } from '../../../inference/require-task';
import type { AnsweredImage, ImageResult } from '../../../inference/image-request';
import type { ModelManager } from '../../../models/model-manager';
import type { Servable } from '../../../models/servable';
import { CliError } from '../../exit-codes';
import { backOff } from './back-off';
import {
  engineTimings,
  ImageFault,
  requireImageTask,
  type EngineRequest,
  type EngineResult,
  type ScoringEngine,
} from './engine';

/** The models of this process and how to end them. */
export interface LocalInference {
  readonly manager: ModelManager;
  readonly inference: ImageInference;
  readonly imagingConcurrency: number;
  /** Ends every instance. */
  readonly stop: () => Promise<void>;
}

export interface InProcessOptions {
  readonly local: LocalInference;
  readonly model: string;
  readonly version: number | undefined;
  readonly request: EngineRequest;
}

/** How often a model that is not ready is asked again. */
const MAX_REFUSALS = 3;

/**
 * The same use case as the server's, without HTTP.
 * @throws CliError engineFailed when the model cannot be served
 */
export function inProcessEngine({
  local,
  model,
  version,
  request,
}: InProcessOptions): ScoringEngine {
  const servable = servableOf(local.manager, model, version);
  const { spec, instances } = servable;
  const task = requireImageTask(model, spec.task, request);
  const parameters = task.parameters.parse(request.parameters);
  const { maxBatchSize, maxQueueSize } = spec.batching;
  return {
    model,
    version: String(servable.version),
    task,
    place: `in this process, on ${servable.device?.toUpperCase() ?? 'the CPU'}, ${instances.total} instance(s)`,
    // A batch that runs and one that waits for each instance, and images being decoded; never more
    // than the queue admits.
    concurrency: Math.min(
      maxQueueSize,
      2 * maxBatchSize * instances.total + local.imagingConcurrency,
    ),
    close: () => local.stop(),
    score: async (image, signal) => {
      for (let attempt = 0; ; attempt++) {
        const result = await once(image, signal);
        if (result.ok) return resultOf(result);
        if (!again(result.error, attempt)) throw faultOf(result.error);
        await backOff(attempt, 0, signal);
      }
    },
  };

  async function once(image: Buffer, signal: AbortSignal): Promise<ImageResult> {
    const asked = { model, version: servable.version, images: [image], signal };
    try {
      const { format, quality } = request;
      const { results } = await local.inference.answer(asked, {
        task: local.inference.admit(model, servable.version, ANY_VERB).task,
        parameters,
        wish: task.pictures === 'always' ? { format, quality } : undefined,
      });
      const [result] = results;
      if (result !== undefined) return result;
      throw new RangeError('an image has no result');
    } catch (thrown) {
      return { ok: false, error: toServingError(thrown) };
    }
  }
}

function resultOf({ value, timings, batchRows }: AnsweredImage): EngineResult {
  return { answer: value, batchRows, timings: engineTimings(timings) };
}

/** What is not the fault of the image. */
function again({ code }: ServingError, attempt: number): boolean {
  if (code === 'OVERLOADED' || code === 'QUEUE_TIMEOUT') return true;
  return code === 'MODEL_NOT_READY' && attempt < MAX_REFUSALS;
}

function faultOf(error: ServingError): Error {
  return error.code === 'MODEL_NOT_READY' || error.code === 'DRAINING'
    ? new CliError('engineFailed', error.message, { cause: error })
    : new ImageFault(error.code, error.message);
}

function servableOf(manager: ModelManager, model: string, version: number | undefined): Servable {
  try {
    const { servable, release } = manager.acquire(model, version);
    release();
    return servable;
  } catch (thrown) {
    throw new CliError('engineFailed', toServingError(thrown).message, { cause: thrown });
  }
}
