import { z } from 'zod';

import { inSlices } from '../kernel/time-slices';
import type { Tensor } from '../kernel/tensor';
import { toImageSteps, type GeneratedImageOptions } from '../outputs/generated-image';
import type { Postprocess } from '../rewriter/image/image-plan';
import { encodePicture } from './encode-picture';
import { channelsOf, pictureProblem } from './image-shape';
import { chooseOutput, describeTensors } from './output-names';
import type { ModelFacts, Notes, Picture, PictureWish } from './task';

/** What model.json may say of an output that holds a picture. */
export const pictureConfigSchema = z
  .strictObject({
    output: z
      .strictObject({
        name: z.string().min(1).describe('Output of the signature that holds the picture'),
        valueRange: z
          .tuple([z.number(), z.number()])
          .refine(([low, high]) => low < high, 'must be [low, high]')
          .describe('Values that mean black and white; default [0, 255] for uint8, else [0, 1]'),
      })
      .partial(),
  })
  .partial();

export interface PictureSettings {
  readonly name: string;
  readonly valueRange: readonly [number, number];
  readonly layout: 'NHWC' | 'NCHW';
}

/** What is known of the output that holds the picture; contradictions are noted. */
export function resolvePicture(
  task: string,
  { signature, image }: ModelFacts,
  config: unknown,
  notes: Notes,
): PictureSettings | undefined {
  const { output: settings = {} } = config as z.infer<typeof pictureConfigSchema>;
  const output = chooseOutput(settings.name, signature.outputs, 'model.json.output.name', notes);
  if (output === undefined) return undefined;
  const problem = pictureProblem(output);
  if (problem !== undefined) {
    notes.problem(
      `the task ${task} needs pictures, and output ${describeTensors([output])} holds none: ${problem}; "task": "tensor" answers it as it is`,
    );
  }
  const isPixels = output.dtype === 'uint8';
  return {
    name: output.name,
    valueRange: settings.valueRange ?? (isPixels ? [0, 255] : [0, 1]),
    layout: channelsOf(output.shape)?.layout ?? image?.layout ?? 'NHWC',
  };
}

/** What makes 8-bit pixels of it in the graph; undefined where the model gives them. */
export function picturePostprocess(
  { name, valueRange, layout }: PictureSettings,
  { signature }: ModelFacts,
): Postprocess | undefined {
  const isFinished =
    valueRange.join() === '0,255' &&
    layout === 'NHWC' &&
    signature.outputs.find((output) => output.name === name)?.dtype === 'uint8';
  return isFinished ? undefined : { kind: 'pixels', valueRange, layout };
}

/** Pixels of one row as the picture that is wanted. @throws ServingError INFERENCE_FAILED */
export async function pictureOf(
  output: Tensor,
  options: GeneratedImageOptions,
  wish: PictureWish,
): Promise<Picture> {
  const { pixels, ...size } = await inSlices(toImageSteps(output, options));
  return encodePicture(pixels, size, wish);
}
