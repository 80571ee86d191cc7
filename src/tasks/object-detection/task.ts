import { z } from 'zod';

import { inSlices } from '../../kernel/time-slices';
import { flag, share } from '../../kernel/whole-number';
import { composeTexts } from '../../imaging/draw';
import { fedPicture } from '../fed-picture';
import { encodePicture } from '../encode-picture';
import { required } from '../nothing-answered';
import { wholeRun } from '../run-way';
import { defineTask } from '../task';
import { detect } from './detect';
import { drawDetections } from './draw-detections';
import { knownRoles, resolveDetection } from './resolve';
import { detectionConfigSchema, type DetectionConfig, type DetectionSettings } from './settings';
import { detectionRow } from './row';

const parameters = z.object({
  threshold: share()
    .optional()
    .meta({ description: 'Lowest score that is answered; default: `threshold` of model.json' }),
  render: flag()
    .optional()
    .meta({ description: 'Answer the photo with boxes and labels drawn into it' }),
});

const pixels = z.number().int().min(0);
const detectionSchema = z
  .object({
    label: z.string().describe('From the labels file; the index as text where there is none'),
    index: z.number().int().min(0),
    score: z.number(),
    box: z
      .object({ xmin: pixels, ymin: pixels, xmax: pixels, ymax: pixels })
      .meta({ id: 'Box', description: 'Whole pixels of the upright original' }),
  })
  .meta({ id: 'Detection' });

/** What is where in a picture. */
export const objectDetection = defineTask<DetectionSettings, z.infer<typeof parameters>>({
  name: 'object-detection',
  verb: 'detect',
  summary: 'Boxes around what is in images',
  pictures: 'on-request',
  view: 'boxes',
  config: detectionConfigSchema,
  parameters,
  defaults: ({ threshold }) => ({ threshold }),
  result: z
    .object({ detections: z.array(detectionSchema).describe('By falling score') })
    .meta({ id: 'DetectedImage' }),

  row: detectionRow,

  example: {
    model: 'my-detector',
    data: {
      detections: [
        {
          label: 'cup',
          index: 41,
          score: 0.93,
          box: { xmin: 112, ymin: 64, xmax: 398, ymax: 301 },
        },
      ],
    },
  },

  recognise: ({ signature: { outputs } }) => {
    const roles = knownRoles(outputs);
    return roles === undefined
      ? undefined
      : `"${roles.boxes?.name ?? ''}" and "${roles.scores?.name ?? ''}" are the outputs of a detector`;
  },
  resolve: (facts, config, notes) => resolveDetection(facts, config as DetectionConfig, notes),
  outputs: namesOf,
  wantsPicture: ({ render = false }) => render,

  answering: (model, { threshold = model.settings.threshold }, wish, { withPixels }) => {
    const { settings, labels } = model;
    const { boxes, scores, classes, count } = settings;
    const names = namesOf(settings);
    return {
      run: wholeRun(model, names),
      postprocess: async ({ outputs, tensor, image }) => {
        const byRole = (name: string | undefined) =>
          name === undefined ? undefined : outputs[names.indexOf(name)];
        const tensors = {
          boxes: required(byRole(boxes)),
          scores: required(byRole(scores)),
          classes: byRole(classes),
          count: byRole(count),
        };
        const detections = await inSlices(
          detect(tensors, fedPicture(tensor), { settings, threshold, labels }),
        );
        if (wish === undefined) return { data: { detections } };
        const picture = await withPixels(image, async (original) => {
          const texts = await drawDetections(original, detections);
          const drawn = await composeTexts(original, texts);
          return encodePicture(drawn.data, { ...original, channels: 3 }, wish);
        });
        return { data: { detections }, picture };
      },
    };
  },
});

/** Of the outputs that are there. */
function namesOf({ boxes, scores, classes, count }: DetectionSettings): string[] {
  return [boxes, scores, classes, count].filter((name) => name !== undefined);
}
