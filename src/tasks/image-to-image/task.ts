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

const FINISHED = { valueRange: [0, 255], layout: 'NHWC' } as const;

/** A picture for a picture. */
export const imageToImage = defineTask<PictureSettings, Record<string, never>>({
  name: 'image-to-image',
  verb: 'generate',
  summary: 'Pictures from images',
  pictures: 'always',
  view: 'compare',
  config: pictureConfigSchema,
  parameters: z.object({}),
  result: z.object({}).meta({ id: 'GeneratedImage' }),

  row: pictureRow,

  example: { model: 'esrgan-slim-x2', data: {} },

  recognise: ({ signature: { outputs } }) => {
    const output = mainOutput(outputs);
    return output !== undefined &&
      channelsOf(output.shape) !== undefined &&
      pictureProblem(output) === undefined
      ? `the image model answers ${nameAndShape(output)}`
      : undefined;
  },
  resolve: (facts, config, notes) => resolvePicture('image-to-image', facts, config, notes),
  outputs: ({ name }) => [name],
  postprocess: picturePostprocess,

  answering: (model, _parameters, wish = { format: 'png' }, { imaging }) => {
    const { settings, rewritten } = model;
    const whole = wholeRun(model, [settings.name]);
    const finished = rewritten?.pixels;
    const { valueRange, layout } = finished === undefined ? settings : FINISHED;
    return {
      run: finished === undefined ? whole : { ...whole, outputs: [finished] },
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
