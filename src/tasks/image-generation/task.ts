import { z } from 'zod';

import { wholeNumber } from '../../kernel/whole-number';
import { channelsOf, pictureProblem } from '../image-shape';
import { required } from '../nothing-answered';
import { mainOutput, nameAndShape } from '../output-names';
import {
  pictureConfigSchema,
  pictureOf,
  resolvePicture,
  type PictureSettings,
} from '../picture-output';
import { wholeRun } from '../run-way';
import { defineTask } from '../task';

/** What a server may be told to allow at most. */
const MOST = 4096;

const parameters = z.object({
  n: wholeNumber(1, MOST)
    .optional()
    .meta({ description: 'Pictures to make; default 1, at most the option maxPictures' }),
});

/** Pictures from noise, a label, a text or numbers: nothing is uploaded. */
export const imageGeneration = defineTask<PictureSettings, z.infer<typeof parameters>>({
  name: 'image-generation',
  verb: 'generate',
  summary: 'Pictures from parameters',
  upload: 'none',
  pictures: 'always',
  view: 'grid',
  config: pictureConfigSchema,
  parameters,
  result: z.object({}).meta({ id: 'MadeImage' }),

  row: undefined,

  example: { model: 'digits', data: { seed: 7 } },

  recognise: ({ signature: { outputs } }) => {
    const output = mainOutput(outputs);
    return output !== undefined &&
      channelsOf(output.shape) !== undefined &&
      pictureProblem(output) === undefined
      ? `the model takes no picture and answers ${nameAndShape(output)}`
      : undefined;
  },
  resolve: (facts, config, notes) => {
    if (facts.inputs === undefined || facts.inputs.more.length === 0) {
      notes.problem(
        'the task image-generation needs model.json.inputs: what the model makes pictures from',
      );
      return undefined;
    }
    return resolvePicture('image-generation', facts, config, notes);
  },
  outputs: ({ name }) => [name],
  count: ({ n = 1 }) => n,

  answering: (model, _parameters, wish = { format: 'png' }, { imaging }) => {
    const { settings } = model;
    return {
      run: wholeRun(model, [settings.name]),
      postprocess: ({ outputs: [output] }) =>
        imaging.run(async () => ({
          data: {},
          picture: await pictureOf(required(output), settings, wish),
        })),
    };
  },
});
