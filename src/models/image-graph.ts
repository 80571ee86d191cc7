import {
  IMAGE_SIGNATURE,
  PIXELS_IN,
  PIXELS_OUT,
  TOP_INDICES,
  TOP_SCORES,
  type ImagePlan,
} from '../rewriter/image/image-plan';
import type { Optimization } from '../rewriter/model-optimizer';
import { readSignatures } from '../saved-model/signatures';
import type { Signature } from '../kernel/tensor';
import type { ModelConfig } from './model-config';
import type { ImageInputSpec, ServableSpec } from './servable-spec';

/** How images run through a rewritten model: what surrounds its network is in the graph. */
export interface ImageGraph {
  readonly signatureName: string;
  readonly signature: Signature;
  /** What is left to do to an image before the run. */
  readonly image: ImageInputSpec;
  /** The outputs that hold the best classes, when the graph ranks them, and how many. */
  readonly top: { readonly k: number; readonly outputs: readonly [string, string] } | undefined;
  /** The output that holds a finished picture, when the graph makes one. */
  readonly pixels: string | undefined;
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
  const { image, output, task } = spec;
  const wanted = typeof optimize === 'object' ? optimize : {};
  if (image === undefined || optimize === false || task === 'tensor') return undefined;
  const { inputName, dtype, layout, colorOrder, normalization } = image;
  const isPixels = dtype === 'uint8' && layout === 'NHWC' && colorOrder === 'rgb';
  const preprocess = (wanted.preprocess ?? true) && !isPixels;
  const isPicture =
    output.valueRange.join() === '0,255' &&
    output.layout === 'NHWC' &&
    spec.signature.outputs.find(({ name }) => name === output.name)?.dtype === 'uint8';
  const postprocess =
    (wanted.postprocess ?? true) && !(task === 'image-to-image' && isPicture)
      ? task === 'image-classification'
        ? { kind: 'classes' as const, activation: output.activation, k: output.topK }
        : { kind: 'pixels' as const, valueRange: output.valueRange, layout: output.layout }
      : undefined;
  if (!preprocess && postprocess === undefined) return undefined;
  return {
    signature: spec.signatureName,
    input: { name: inputName, dtype, layout, colorOrder, normalization },
    output: output.name,
    preprocess,
    postprocess,
    sizes: sizesToCompare(image.size),
  };
}

/** The image graph of a rewritten model; undefined when nothing of the plan is in it. */
export async function readImageGraph(
  optimization: Optimization,
  { image, output, task }: ServableSpec,
): Promise<ImageGraph | undefined> {
  if (optimization.state === 'original' || image === undefined) return undefined;
  const { preprocess = false, postprocess = false } = optimization.report.image ?? {};
  if (!preprocess && !postprocess) return undefined;
  const signature = (await readSignatures(optimization.directory)).signatures[IMAGE_SIGNATURE];
  if (signature === undefined) return undefined;
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
      postprocess && task === 'image-classification'
        ? { k: k < output.topK ? Infinity : k, outputs: [TOP_SCORES, TOP_INDICES] }
        : undefined,
    pixels: postprocess && task === 'image-to-image' ? PIXELS_OUT : undefined,
  };
}

/** The outputs that are asked for unless a request wants more classes. */
export function defaultOutputs(
  { top, pixels }: ImageGraph,
  { output }: ServableSpec,
): readonly string[] {
  return top?.outputs ?? [pixels ?? output.name];
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
