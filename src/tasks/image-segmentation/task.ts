import { z } from 'zod';

import { indexedPng } from '../../imaging/indexed-png';
import { inSlices } from '../../kernel/time-slices';
import { encodePicture } from '../encode-picture';
import { fedPicture } from '../fed-picture';
import { required } from '../nothing-answered';
import { wholeRun } from '../run-way';
import { defineTask, type Picture, type PictureWish, type TaskTools } from '../task';
import { colouredMask, cutout, indexMask, maskPng } from './pictures';
import { knownMask, resolveSegmentation } from './resolve';
import { segment, type Segmentation } from './segment';
import {
  segmentationConfigSchema,
  type SegmentationConfig,
  type SegmentationSettings,
} from './settings';
import { segmentationRow } from './row';

const parameters = z.object({
  output: z.enum(['mask', 'cutout']).optional().meta({
    description:
      'Answer a picture: `mask`, a PNG of class indices with a palette, or `cutout`, the photo with the background transparent',
  }),
});

const segmentSchema = z
  .object({
    label: z.string().describe('From the labels file; the index as text where there is none'),
    index: z.number().int().min(0),
    score: z
      .number()
      .optional()
      .describe('Mean probability of its pixels, where the model gives probabilities'),
    area: z.number().int().min(1).describe('Pixels of the upright original'),
    mask: z
      .object({ b64: z.string(), mediaType: z.literal('image/png') })
      .meta({
        id: 'MaskAsJson',
        description:
          'White where the class is, of the size of the upright original; left out where one picture of all was asked for',
      })
      .optional(),
  })
  .meta({ id: 'Segment' });

/** Which pixels of a picture belong to what. */
export const imageSegmentation = defineTask<SegmentationSettings, z.infer<typeof parameters>>({
  name: 'image-segmentation',
  verb: 'segment',
  summary: 'Masks of what is in images',
  pictures: 'on-request',
  view: 'masks',
  config: segmentationConfigSchema,
  parameters,
  result: z
    .object({
      width: z.number().int().min(1).describe('Of the upright original, in pixels'),
      height: z.number().int().min(1),
      segments: z.array(segmentSchema).describe('By falling area'),
    })
    .meta({ id: 'SegmentedImage' }),

  row: segmentationRow,

  example: {
    model: 'my-segmenter',
    data: {
      width: 600,
      height: 400,
      segments: [
        {
          label: 'person',
          index: 0,
          score: 0.97,
          area: 51_204,
          mask: { b64: 'iVBORw0KGgo…', mediaType: 'image/png' },
        },
      ],
    },
  },

  recognise: ({ signature: { outputs } }) => {
    const mask = knownMask(outputs);
    return mask === undefined ? undefined : `its output is called "${mask.name}"`;
  },
  resolve: (facts, config, notes) =>
    resolveSegmentation(facts, config as SegmentationConfig, notes),
  outputs: ({ mask }) => [mask],
  wantsPicture: ({ output }) => output !== undefined,

  answering: (model, { output: wanted = 'mask' }, wish, tools) => {
    const { settings, labels } = model;
    return {
      run: wholeRun(model, [settings.mask]),
      postprocess: async ({ outputs: [output], tensor, image }) => {
        const steps = segment(required(output), fedPicture(tensor), settings);
        const segmentation = await inSlices(steps);
        const { width, height } = segmentation;
        const found = segmentsOf(segmentation, settings, labels);
        if (wish === undefined) {
          const segments = await withMasks(segmentation, found);
          return { data: { width, height, segments } };
        }
        const picture = await (wanted === 'cutout'
          ? cutoutPicture(image, segmentation, settings, wish, tools)
          : maskPicture(segmentation, settings, wish));
        return { data: { width, height, segments: found }, picture };
      },
    };
  },
});

interface Segment {
  readonly label: string;
  readonly index: number;
  readonly score?: number;
  readonly area: number;
}

function segmentsOf(
  { found }: Segmentation,
  { background }: SegmentationSettings,
  labels: readonly string[] | undefined,
): Segment[] {
  return [...found.entries()]
    .filter(([index]) => index !== background)
    .sort(([, a], [, b]) => b.area - a.area)
    .map(([index, { area, score }]) => ({
      label: labels?.[index] ?? String(index),
      index,
      ...(score === undefined ? {} : { score }),
      area,
    }));
}

/** One after the other: each takes a byte a pixel while it is made. */
async function withMasks(
  segmentation: Segmentation,
  segments: readonly Segment[],
): Promise<object[]> {
  const complete: object[] = [];
  for (const segment of segments) {
    const png = await maskPng(segmentation, segment.index);
    const mask = { b64: png.toString('base64'), mediaType: 'image/png' };
    complete.push({ ...segment, mask });
  }
  return complete;
}

async function maskPicture(
  segmentation: Segmentation,
  { background }: SegmentationSettings,
  wish: PictureWish,
): Promise<Picture> {
  const { width, height } = segmentation;
  const mask = indexMask(segmentation, background);
  if (wish.format === 'png') {
    const bytes = await indexedPng(mask.indices, segmentation, mask.palette);
    return { bytes, format: 'png', width, height };
  }
  const rgb = await inSlices(colouredMask(mask, width));
  return encodePicture(rgb, { width, height, channels: 3 }, wish);
}

function cutoutPicture(
  image: Uint8Array,
  segmentation: Segmentation,
  { background }: SegmentationSettings,
  wish: PictureWish,
  { withPixels }: TaskTools,
): Promise<Picture> {
  const { width, height } = segmentation;
  return withPixels(image, async (photo) => {
    const rgba = await inSlices(cutout(photo, segmentation, background));
    return encodePicture(rgba, { width, height, channels: 4 }, wish);
  });
}
