import { z } from 'zod';

import { IMAGE_MEDIA_TYPES, type EncodeFormat } from '../../imaging/encode';
import { JsonSlice } from '../json/json-slice';
import { wholeNumber } from '../../kernel/whole-number';
import { named, unnamed, type Naming } from './naming';
import { problemSchema } from './problem';

const FORMATS = Object.keys(IMAGE_MEDIA_TYPES) as [EncodeFormat, ...EncodeFormat[]];
const MEDIA_TYPES = Object.values(IMAGE_MEDIA_TYPES) as [string, ...string[]];

export const classifyQuerySchema = z.object({
  top: wholeNumber(1, 100_000)
    .optional()
    .meta({ description: 'Predictions to answer; default: `output.topK` of the model, else 5' }),
});

export const generateQuerySchema = z.object({
  format: z
    .preprocess((value) => (value === 'jpg' ? 'jpeg' : value), z.enum(FORMATS))
    .optional()
    .meta({
      type: 'string',
      enum: [...FORMATS, 'jpg'],
      description: 'Format of the pictures; default: by `Accept`, else png',
    }),
  quality: wholeNumber(1, 100).optional().meta({ description: 'Of JPEG and WebP; default 90' }),
});

/** One image or several, each an object with its file in base64. */
function imagesAsJson<T extends z.ZodType>(base64: T, name: Naming) {
  const image = name(z.strictObject({ b64: base64 }), 'ImageAsJson');
  return name(
    z.union([
      name(z.strictObject({ image }), 'OneImageAsJson'),
      name(z.strictObject({ images: z.array(image).min(1) }), 'SeveralImagesAsJson'),
    ]),
    'ImagesAsJson',
  );
}

/** The JSON body, for the document. */
export const imageJsonSchema = imagesAsJson(
  z.string().describe('The file in base64; a data URL and line breaks are taken too'),
  named,
);

/** The form, for the document. */
export const imageFormSchema = z
  .object({
    image: z
      .array(z.string().meta({ format: 'binary' }))
      .min(1)
      .describe('Files'),
  })
  .meta({ id: 'ImagesAsForm' });

/** The same as it is read: the files stay where they are in the body. */
export const imageSlicesSchema = imagesAsJson(
  z.custom<JsonSlice>((value) => value instanceof JsonSlice && value.isString),
  unnamed,
);

const ms = z.number().min(0);
const timingsSchema = z
  .object({ preprocessMs: ms, queueMs: ms, inferMs: ms, postprocessMs: ms })
  .meta({
    id: 'Timings',
    description: 'Milliseconds; for several images the longest of each, as they overlap',
  });

const failed = z
  .object({ error: problemSchema })
  .meta({ id: 'FailedImage', description: 'In the place of an image that cannot be answered' });

/** One entry for each image, in the order sent. */
function resultsOf<T extends z.ZodType>(result: T) {
  return z.object({
    model: z.string(),
    version: z.number().int(),
    results: z.array(z.union([result, failed])).describe('In the order of the images'),
    timings: timingsSchema,
  });
}

const predictionSchema = z
  .object({
    label: z.string().describe('From the labels file; the index as text where there is none'),
    index: z.number().int().min(0),
    score: z.number(),
  })
  .meta({ id: 'Prediction' });

export const classificationsSchema = resultsOf(
  z
    .object({ predictions: z.array(predictionSchema).describe('By falling score') })
    .meta({ id: 'ClassifiedImage' }),
).meta({ id: 'Classifications' });

export const generatedSchema = resultsOf(
  z
    .object({
      image: z
        .object({
          b64: z.string(),
          mediaType: z.enum(MEDIA_TYPES),
          width: z.number().int(),
          height: z.number().int(),
        })
        .meta({ id: 'PictureAsJson' }),
    })
    .meta({ id: 'GeneratedImage' }),
).meta({ id: 'GeneratedImages' });
