import { z } from 'zod';

import {
  isLimit,
  sideImages,
  takesSeed,
  takesUpload,
  valueInputs,
  type ModelInputs,
  type NumberRange,
  type ValueInput,
} from '../../../tasks/inputs/model-inputs';
import { MAX_SEED } from '../../../tasks/inputs/noise';
import type { AnyTask } from '../../../tasks/task';
import { pictureQuerySchema, urlSchema } from '../../schemas/image-api';
import type { Operation } from '../operation';
import { answeredBy, IMAGE_PROBLEMS } from './images';

/** A model that takes more than one picture, as it is served now. */
export interface ServedModel {
  readonly name: string;
  readonly task: AnyTask;
  readonly inputs: ModelInputs;
}

/** In base64, or by its address. */
const FILE_AS_JSON = z
  .union([z.object({ b64: z.string() }), z.object({ url: urlSchema })])
  .meta({ id: 'FileAsJson' });

export const SERVED_TAG = 'Served models';

/** The address of a model with its own parameters, their types and ranges. */
export function servedModelOperation({ name, task, inputs }: ServedModel): Operation {
  const id = name.replaceAll(/\W/g, '_');
  const values = valueShape(inputs);
  const own = {
    ...task.parameters.shape,
    ...(task.pictures === 'never' ? {} : pictureQuerySchema.shape),
  };
  return {
    method: 'post',
    path: `/models/${name}/${task.verb}`,
    operationId: `${task.verb}_${id}`,
    tags: [SERVED_TAG],
    summary: `${task.summary}, by ${name}`,
    description:
      'Parameters are in the query, in a form, or in JSON; each is said once. What has a default may be left out.',
    request: {
      query: z.object({ ...optional(values), ...own }),
      body: {
        required: takesUpload(inputs),
        content: {
          'multipart/form-data': {
            schema: z
              .object({
                ...files(inputs, () => z.string().meta({ format: 'binary' })),
                ...optional(values),
              })
              .meta({ id: `${id}_Form` }),
          },
          'application/*': {
            schema: z
              .object({
                ...files(inputs, () => FILE_AS_JSON),
                ...optional(values),
              })
              .meta({ id: `${id}_Json` }),
          },
        },
      },
    },
    responses: { 200: answeredBy([task]), ...IMAGE_PROBLEMS },
  };
}

/** Any of them may be somewhere else in the request. */
function optional(shape: z.ZodRawShape): z.ZodRawShape {
  return Object.fromEntries(
    Object.entries(shape).map(([role, schema]) => [role, (schema as z.ZodType).optional()]),
  );
}

function files(inputs: ModelInputs, file: () => z.ZodType): z.ZodRawShape {
  const upload = takesUpload(inputs)
    ? { image: file().describe('The image that is answered') }
    : {};
  return {
    ...upload,
    ...Object.fromEntries(
      sideImages(inputs).map(({ role, fallback }) => [
        role,
        fallback === undefined ? file() : file().optional(),
      ]),
    ),
  };
}

function valueShape(inputs: ModelInputs): z.ZodRawShape {
  const shape = Object.fromEntries(
    valueInputs(inputs).map((input) => [
      input.role,
      schemaOf(input).meta({
        ...(input.fallback === undefined ? {} : { default: input.fallback }),
        description: input.fallback === undefined ? 'Needed' : 'May be left out',
      }),
    ]),
  );
  const seed = z
    .number()
    .int()
    .min(0)
    .max(MAX_SEED)
    .describe('The same seed gives the same answer; default: a random one');
  return takesSeed(inputs) ? { ...shape, seed } : shape;
}

function schemaOf(input: ValueInput): z.ZodType {
  switch (input.kind) {
    case 'number':
      return numberOf(input);
    case 'numbers': {
      const list = z.array(numberOf(input)).length(input.length);
      const [first, ...others] = input.labels ?? [];
      return first === undefined
        ? list
        : z.union([list, z.enum([first, ...others]), z.record(z.string(), numberOf(input))]);
    }
    case 'label': {
      const index = z
        .number()
        .int()
        .min(0)
        .max(input.classes - 1);
      const [first, ...others] = input.labels ?? [];
      return first === undefined ? index : z.union([z.enum([first, ...others]), index]);
    }
    case 'text':
      return z.string().max(input.maxLength);
  }
}

function numberOf({ integer, minimum, maximum }: NumberRange): z.ZodType {
  let number = integer ? z.number().int() : z.number();
  if (isLimit(minimum)) number = number.min(minimum);
  if (isLimit(maximum)) number = number.max(maximum);
  return number;
}
