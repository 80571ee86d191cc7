import { ServingError } from '../kernel/errors';
import { encodeImage, type EncodeFormat } from '../imaging/encode';
import type { ImageTensor } from '../imaging/preprocess';
import type { Servable } from '../models/servable';
import { classify, rankedPredictions, type Prediction } from '../outputs/classification';
import { toImageSteps } from '../outputs/generated-image';
import type { Semaphore } from '../kernel/semaphore';
import { inSlices } from '../kernel/time-slices';
import type { Tensor } from '../kernel/tensor';
import type { Picture } from './image-request';
import { imageRun, type ImageRun } from './image-run';

/** What a run of one image gave. */
export interface RunOutput {
  /** In the order of the run. */
  readonly outputs: readonly Tensor[];
  /** The image as it was fed. */
  readonly tensor: ImageTensor;
}

/** How one kind of request runs a model, and what becomes of the outputs. */
export interface Answering<T> {
  readonly run: ImageRun;
  readonly postprocess: (output: RunOutput) => Promise<T>;
}

/** @param top predictions an image; the model's own number when absent */
export function classifying(top?: number): (servable: Servable) => Answering<Prediction[]> {
  return (servable) => {
    const { labels, output } = servable.spec;
    const topK = top ?? output.topK;
    const run = imageRun(servable, topK);
    return {
      run,
      postprocess: ({ outputs: [scores, indices] }) => {
        if (scores === undefined) throw nothingAnswered();
        return Promise.resolve(
          run.ranked && indices !== undefined
            ? rankedPredictions(scores, indices, { labels, topK })
            : classify(scores, { activation: output.activation, labels, topK }),
        );
      },
    };
  };
}

/**
 * @param imaging images decoded or encoded at the same time
 * @param quality 1–100 for jpeg and webp
 */
export function generating(
  imaging: Semaphore,
  format: EncodeFormat,
  quality?: number,
): (servable: Servable) => Answering<Picture> {
  return (servable) => {
    const run = imageRun(servable);
    return {
      run,
      postprocess: ({ outputs: [output], tensor }) =>
        imaging.run(async () => {
          if (output === undefined) throw nothingAnswered();
          const crop = {
            width: tensor.validWidth / tensor.width,
            height: tensor.validHeight / tensor.height,
          };
          const { pixels, ...size } = await inSlices(
            toImageSteps(output, { ...run.picture, crop }),
          );
          const bytes = await encodeImage(pixels, size, {
            format,
            ...(quality === undefined ? {} : { quality }),
          });
          return { bytes, format, width: size.width, height: size.height };
        }),
    };
  };
}

function nothingAnswered(): ServingError {
  return new ServingError('INFERENCE_FAILED', 'The model answered nothing');
}
