import { z } from 'zod';

import { IMAGE_MEDIA_TYPES, type EncodeFormat } from '../../imaging/encode';
import { JsonSlice } from '../json/json-slice';
import { wholeNumber } from '../../kernel/whole-number';
import type { AnyTask } from '../../tasks/task';
import { named, unnamed, type Naming } from './naming';
import { problemSchema } from './problem';

const FORMATS = Object.keys(IMAGE_MEDIA_TYPES) as [EncodeFormat, ...EncodeFormat[]];
const MEDIA_TYPES = Object.values(IMAGE_MEDIA_TYPES) as [string, ...string[]];

/** Where pictures are answered. */
export const pictureQuerySchema = z.object({
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

export const urlSchema = z
  .string()
  .describe('Where the file is fetched, if the option `imageUrlOrigins` names its origin');

/** One image or several, each an object with its file in base64, or with its address. */
function imagesAsJson<T extends z.ZodType>(base64: T, name: Naming) {
  const image = name(
    z.union([
      name(z.strictObject({ b64: base64 }), 'ImageInBase64'),
      name(z.strictObject({ url: urlSchema }), 'ImageByUrl'),
    ]),
    'ImageAsJson',
  );
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
      .describe('Files; the fields images, file and files, with or without [], are taken too'),
  })
  .meta({ id: 'ImagesAsForm' });

/** What a model takes besides the images, as members of a JSON body. */
export const parametersJsonSchema = z
  .record(
    z.string(),
    z.union([z.string(), z.number(), z.array(z.unknown()), z.record(z.string(), z.unknown())]),
  )
  .meta({
    id: 'ParametersAsJson',
    description:
      'Parameters of the model, and its pictures as {"b64": "…"}: `inputs` of GET /models/{name} lists them',
  });

/** The same as a form. */
export const parametersFormSchema = z
  .record(z.string(), z.string())
  .meta({ id: 'ParametersAsForm', description: 'Parameters of the model and files, by name' });

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

const imageSchema = z
  .object({
    b64: z.string(),
    mediaType: z.enum(MEDIA_TYPES),
    width: z.number().int(),
    height: z.number().int(),
  })
  .meta({ id: 'PictureAsJson' });

/** What a task answers in JSON: one entry for each image, in the order sent. */
export function answerSchema({ result, pictures }: AnyTask): z.ZodType {
  const id = result.meta()?.id ?? 'AnsweredImage';
  const image = {
    always: { image: imageSchema },
    'on-request': { image: imageSchema.optional() },
    never: {},
  };
  const seed = z
    .number()
    .int()
    .optional()
    .describe('Of models that take noise or a seed: the same seed gives the same answer');
  const answered = result.extend({ ...image[pictures], seed }).meta({ id });
  return z
    .object({
      model: z.string(),
      version: z.number().int(),
      results: z.array(z.union([answered, failed])).describe('In the order of the images'),
      timings: timingsSchema,
    })
    .meta({ id: `${id}s` });
}

/** How alike the first image of a request is to each of the others. */
export const similaritiesSchema = z
  .object({
    model: z.string(),
    version: z.number().int(),
    results: z
      .array(
        z.union([
          z
            .object({
              similarity: z
                .number()
                .min(-1)
                .max(1)
                .describe('Cosine of the angle between the vectors: 1 for the same direction'),
            })
            .meta({ id: 'ComparedImage' }),
          failed,
        ]),
      )
      .describe('In the order of the images after the first'),
    timings: timingsSchema,
  })
  .meta({ id: 'Similarities' });
