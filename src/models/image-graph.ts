import { isTensorFlowKernel } from '../imaging/preprocess-spec';
import {
  IMAGE_SIGNATURE,
  PIXELS_IN,
  PIXELS_OUT,
  TOP_INDICES,
  TOP_SCORES,
  type ImagePlan,
  type Postprocess,
} from '../rewriter/image/image-plan';
import type { Optimization } from '../rewriter/model-optimizer';
import { readSignatures } from '../saved-model/signatures';
import type { ModelConfig } from './model-config';
import type { ImageInputSpec, RewrittenWay } from '../tasks/task';
import type { ServableSpec } from './servable-spec';

/** How images run through a rewritten model: what surrounds its network is in the graph. */
export interface ImageGraph extends RewrittenWay {
  /** What is left to do to an image before the run. */
  readonly image: ImageInputSpec;
}

/** Pixels a side of the pictures that answers are compared on, for models of any size. */
const SIDES = [48, 80];

/**
 * What is to be put into the graph of a model that takes images; undefined when nothing is.
 * @param optimize of model.json
 */
export function imagePlanOf(
  spec: ServableSpec,
  optimize: ModelConfig['optimize'],
): ImagePlan | undefined {
  const { image, imageTask, inputs } = spec;
  const wanted = typeof optimize === 'object' ? optimize : {};
  if (image === undefined || optimize === false || imageTask === undefined) return undefined;
  // What else the network takes has no place in the signature that the plan adds.
  if (inputs.more.length > 0) return undefined;
  const { inputName, dtype, layout, colorOrder, normalization } = image;
  const isPixels = dtype === 'uint8' && layout === 'NHWC' && colorOrder === 'rgb';
  const preprocess = (wanted.preprocess ?? true) && !isPixels && !hasFractions(image);
  const postprocess = (wanted.postprocess ?? true) ? postprocessOf(spec) : undefined;
  if (!preprocess && postprocess === undefined) return undefined;
  return {
    signature: spec.signatureName,
    input: { name: inputName, dtype, layout, colorOrder, normalization },
    outputs: answeredOutputs(spec),
    preprocess,
    postprocess,
    sizes: sizesToCompare(image.size),
  };
}

/** The image graph of a rewritten model; undefined when nothing of the plan is in it. */
export async function readImageGraph(
  optimization: Optimization,
  spec: ServableSpec,
): Promise<ImageGraph | undefined> {
  const { image } = spec;
  if (optimization.state === 'original' || image === undefined) return undefined;
  const { preprocess = false, postprocess = false } = optimization.report.image ?? {};
  if (!preprocess && !postprocess) return undefined;
  const signature = (await readSignatures(optimization.directory)).signatures[IMAGE_SIGNATURE];
  if (signature === undefined) return undefined;
  const added = postprocess ? postprocessOf(spec) : undefined;
  const k = signature.outputs.find(({ name }) => name === TOP_SCORES)?.shape?.at(-1) ?? 0;
  return {
    signatureName: IMAGE_SIGNATURE,
    signature,
    image: preprocess
      ? {
          ...image,
          inputName: PIXELS_IN,
          dtype: 'uint8',
          normalization: 'none',
          layout: 'NHWC',
          colorOrder: 'rgb',
        }
      : image,
    // Where every class is answered, more of them is the same.
    top:
      added?.kind === 'classes'
        ? { k: k < added.k ? Infinity : k, outputs: [TOP_SCORES, TOP_INDICES] }
        : undefined,
    pixels: added?.kind === 'pixels' ? PIXELS_OUT : undefined,
  };
}

/** Whether resized pixels lie between whole numbers, which 8 bits would lose. */
function hasFractions({ kernel, dtype, size }: ImageInputSpec): boolean {
  return isTensorFlowKernel(kernel) && dtype === 'float32' && size.kind === 'fixed';
}

/** What the task may have added to the graph. */
function postprocessOf({
  imageTask,
  settings,
  signature,
  image,
  inputs,
  labels,
}: ServableSpec): Postprocess | undefined {
  return imageTask?.postprocess?.(settings as never, { signature, image, inputs, labels });
}

/** The model's own outputs that its task looks at. */
function answeredOutputs({ imageTask, settings, output }: ServableSpec): readonly string[] {
  return imageTask?.outputs(settings as never) ?? [output.name];
}

/** The outputs that are asked for unless a request wants more classes. */
export function defaultOutputs({ top, pixels }: ImageGraph, spec: ServableSpec): readonly string[] {
  return top?.outputs ?? (pixels === undefined ? answeredOutputs(spec) : [pixels]);
}

/** Two shapes where any is taken, so that width and height cannot be mistaken for each other. */
function sizesToCompare(size: ImageInputSpec['size']): ImagePlan['sizes'] {
  if (size.kind === 'fixed') return [[size.width, size.height]];
  const [short = 0, long = 0] = SIDES.map((side) => {
    const within = Math.min(Math.max(side, size.minSize), size.maxSize);
    return Math.ceil(within / size.multipleOf) * size.multipleOf;
  });
  return [
    [short, long],
    [long, short],
  ];
}
