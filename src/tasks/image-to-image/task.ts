import { z } from 'zod';

import { channelsOf, pictureProblem } from '../image-shape';
import { required } from '../nothing-answered';
import { mainOutput, nameAndShape } from '../output-names';
import {
  pictureConfigSchema,
  pictureOf,
  picturePostprocess,
  resolvePicture,
  type PictureSettings,
} from '../picture-output';
import { wholeRun } from '../run-way';
import { defineTask } from '../task';
import { pictureRow } from './row';
import { tilesOf } from './tiles';
import { resolveTiling, tilingConfigSchema, type TilingSettings } from './tiling-config';

const configSchema = pictureConfigSchema.extend({ tiling: tilingConfigSchema.optional() });

interface TiledPictureSettings extends PictureSettings {
  /** Undefined: images larger than the model takes are refused. */
  readonly tiling: TilingSettings | undefined;
}

const FINISHED = { valueRange: [0, 255], layout: 'NHWC' } as const;

/** A picture for a picture. */
export const imageToImage = defineTask<TiledPictureSettings, Record<string, never>>({
  name: 'image-to-image',
  verb: 'generate',
  summary: 'Pictures from images',
  pictures: 'always',
  view: 'compare',
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
  resolve: (facts, config, notes) => {
    const { tiling } = config as z.infer<typeof configSchema>;
    const settings = resolvePicture('image-to-image', facts, config, notes);
    return settings && { ...settings, tiling: resolveTiling(tiling, facts.image, notes) };
  },
  outputs: ({ name }) => [name],
  postprocess: picturePostprocess,

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
          const options = { valueRange, layout, crop };
          return { data: {}, picture: await pictureOf(required(output), options, wish) };
        }),
    };
  },
});
