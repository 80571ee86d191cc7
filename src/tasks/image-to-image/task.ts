import { z } from 'zod';

import { inSlices } from '../../kernel/time-slices';
import { toImageSteps } from '../../outputs/generated-image';
import { encodePicture } from '../encode-picture';
import { channelsOf, pictureProblem } from '../image-shape';
import { required } from '../nothing-answered';
import { chooseOutput, describeTensors, mainOutput, nameAndShape } from '../output-names';
import { wholeRun } from '../run-way';
import { defineTask } from '../task';
import { pictureRow } from './row';
import { tilesOf } from './tiles';
import { resolveTiling, tilingConfigSchema, type TilingSettings } from './tiling-config';

const configSchema = z
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
    tiling: tilingConfigSchema,
  })
  .partial();

export interface PictureSettings {
  readonly name: string;
  readonly valueRange: readonly [number, number];
  readonly layout: 'NHWC' | 'NCHW';
  /** Undefined: images larger than the model takes are refused. */
  readonly tiling: TilingSettings | undefined;
}

const FINISHED = { valueRange: [0, 255], layout: 'NHWC' } as const;

/** A picture for a picture. */
export const imageToImage = defineTask<PictureSettings, Record<string, never>>({
  name: 'image-to-image',
  verb: 'generate',
  summary: 'Pictures from images',
  pictures: 'always',
  config: configSchema,
  parameters: z.object({}),
  result: z.object({}).meta({ id: 'GeneratedImage' }),

  row: pictureRow,

  example: { model: 'span-x2', data: {} },

  recognise: ({ signature: { outputs } }) => {
    const output = mainOutput(outputs);
    return output !== undefined &&
      channelsOf(output.shape) !== undefined &&
      pictureProblem(output) === undefined
      ? `the image model answers ${nameAndShape(output)}`
      : undefined;
  },
  resolve: ({ signature, image }, config, notes) => {
    const { output: settings = {}, tiling } = config as z.infer<typeof configSchema>;
    const where = 'model.json.output.name';
    const output = chooseOutput(settings.name, signature.outputs, where, notes);
    if (output === undefined) return undefined;
    const problem = pictureProblem(output);
    if (problem !== undefined) {
      notes.problem(
        `the task image-to-image needs pictures, and output ${describeTensors([output])} holds none: ${problem}; "task": "tensor" answers it as it is`,
      );
    }
    const isPixels = output.dtype === 'uint8';
    return {
      name: output.name,
      valueRange: settings.valueRange ?? (isPixels ? [0, 255] : [0, 1]),
      layout: channelsOf(output.shape)?.layout ?? image?.layout ?? 'NHWC',
      tiling: resolveTiling(tiling, image, notes),
    };
  },
  outputs: ({ name }) => [name],
  postprocess: ({ name, valueRange, layout }, { signature }) => {
    const isFinished =
      valueRange.join() === '0,255' &&
      layout === 'NHWC' &&
      signature.outputs.find((output) => output.name === name)?.dtype === 'uint8';
    return isFinished ? undefined : { kind: 'pixels', valueRange, layout };
  },

  answering: (model, _parameters, wish = { format: 'png' }, { imaging }) => {
    const { settings, rewritten } = model;
    const whole = wholeRun(model, [settings.name]);
    const finished = rewritten?.pixels;
    const { valueRange, layout } = finished === undefined ? settings : FINISHED;
    const { tiling } = settings;
    const { image: input } = whole;
    return {
      run: finished === undefined ? whole : { ...whole, outputs: [finished] },
      tiles:
        tiling === undefined || input === undefined
          ? undefined
          : (image) =>
              tilesOf(image, { tiling, input, output: { valueRange, layout }, wish, imaging }),
      postprocess: ({ outputs: [output], tensor }) =>
        imaging.run(async () => {
          const crop = {
            width: tensor.validWidth / tensor.width,
            height: tensor.validHeight / tensor.height,
          };
          const steps = toImageSteps(required(output), { valueRange, layout, crop });
          const { pixels, ...size } = await inSlices(steps);
          return { data: {}, picture: await encodePicture(pixels, size, wish) };
        }),
    };
  },
});
