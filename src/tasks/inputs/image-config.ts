import { z } from 'zod';

import { RESIZE_KERNELS } from '../../imaging/preprocess-spec';

const side = z.number().int().min(1).max(16_384);
const channels = z.array(z.number()).min(1).max(4);
const colour = z.string().regex(/^#[0-9a-f]{6}$/i, 'must be a colour such as #000000');

const normalizationSchema = z
  .union([
    z.enum(['none', 'zero-to-one', 'minus-one-to-one', 'imagenet']),
    z
      .strictObject({
        mean: channels.describe('Subtracted per channel, on the 0..255 scale'),
        std: channels
          .refine((values) => values.every((value) => value > 0), 'must be above 0')
          .describe('Divided by per channel, on the 0..255 scale'),
      })
      .refine(({ mean, std }) => mean.length === std.length, 'mean and std differ in length'),
  ])
  .describe(
    'What is done to pixel values 0..255: `none`; `zero-to-one` (v/255); `minus-one-to-one` (v/127.5 − 1); `imagenet` ((v/255 − mean)/std with torchvision’s constants); or {mean, std} per channel, (v − mean)/std',
  );

/** How a picture becomes a tensor. */
const imageSettings = {
  width: side.describe('Pixels; default: the size in the signature'),
  height: side.describe('Pixels; default: the size in the signature'),
  dynamic: z
    .strictObject({
      minSize: side.default(1).describe('Shortest side accepted, in pixels'),
      maxSize: side.default(2048).describe('Longest side accepted, in pixels'),
      multipleOf: side
        .max(1024)
        .default(1)
        .describe('Sides are padded up to a multiple of this; the output is cropped back'),
    })
    .refine(({ minSize, maxSize }) => minSize <= maxSize, 'minSize is above maxSize')
    .describe('For models that take any size: images keep theirs, within these limits'),
  fit: z
    .enum(['cover', 'contain', 'fill'])
    .describe('cover crops, contain pads, fill stretches; default cover'),
  kernel: z
    .enum(RESIZE_KERNELS)
    .describe(
      'Resize kernel; those with `tf-` are TensorFlow’s own bilinear resize: see docs/model-repository.md; default cubic',
    ),
  cropFraction: z
    .number()
    .gt(0)
    .max(1)
    .describe('Side of the centred square that is kept, relative to the short side; default 1'),
  padColor: colour.describe('Colour of the bars that `contain` adds; default #000000'),
  shrinkOnLoad: z
    .boolean()
    .describe(
      'Decode JPEGs of four times the wanted size and more at a half to an eighth of theirs: a third less time at 12 megapixels, for pixels that differ by 1 of 255 on average; never with a `tf-` kernel; default true',
    ),
  colorOrder: z
    .enum(['rgb', 'bgr', 'grayscale'])
    .describe('Default: rgb, or grayscale for 1 channel'),
  layout: z.enum(['NHWC', 'NCHW']).describe('Default: where the signature has its channels'),
  normalization: normalizationSchema,
};

/** `input` of model.json: the only input of a model, which takes pictures. */
export const inputSchema = z
  .strictObject({
    name: z.string().min(1).describe('Input of the signature that takes the image'),
    ...imageSettings,
  })
  .partial();

/** `inputs.*.image` of model.json. */
export const imageRoleSchema = z
  .strictObject({
    ...imageSettings,
    default: colour.describe(
      'For a picture besides the upload: colour of the plain one that is fed where none is sent; without it one has to be sent',
    ),
  })
  .partial();

export type ImageSettings = z.infer<typeof imageRoleSchema>;
