import type { Servable } from '../models/servable';
import type { ImageInputSpec, ServableSpec } from '../models/servable-spec';
import type { GeneratedImageOptions } from '../outputs/generated-image';
import type { Signature } from '../kernel/tensor';

/** The signature that an image runs through, what is fed to it and what is fetched. */
export interface ImageRun {
  readonly signatureName: string;
  readonly signature: Signature;
  readonly image: ImageInputSpec | undefined;
  readonly outputs: readonly string[];
  /** The outputs are scores by falling value and their classes. */
  readonly ranked: boolean;
  /** What the values of a generated image mean. */
  readonly picture: Pick<GeneratedImageOptions, 'valueRange' | 'layout'>;
}

/**
 * The way through the rewritten graph where there is one.
 * @param top classes that are asked for; for more than the graph ranks, the model is run as tensors
 *   run it: TensorFlow keeps a copy of the weights for every set of inputs and outputs that it meets
 */
export function imageRun(
  { spec, imageGraph }: Pick<Servable, 'spec' | 'imageGraph'>,
  top = 0,
): ImageRun {
  if (imageGraph === undefined || top > (imageGraph.top?.k ?? Infinity)) {
    const { signatureName, signature, image } = spec;
    return { signatureName, signature, image, ...wholeOutput(spec) };
  }
  const { signatureName, signature, image, pixels } = imageGraph;
  return {
    signatureName,
    signature,
    image,
    ...wholeOutput(spec),
    ...(imageGraph.top === undefined ? {} : { outputs: imageGraph.top.outputs, ranked: true }),
    ...(pixels === undefined
      ? {}
      : { outputs: [pixels], picture: { valueRange: [0, 255], layout: 'NHWC' } }),
  };
}

function wholeOutput({
  output: { name, valueRange, layout },
}: ServableSpec): Pick<ImageRun, 'outputs' | 'ranked' | 'picture'> {
  return { outputs: [name], ranked: false, picture: { valueRange, layout } };
}
