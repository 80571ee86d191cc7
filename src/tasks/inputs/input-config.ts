import { z } from 'zod';

import { imageRoleSchema } from './image-config';

const tensorName = z.string().min(1);
const finite = z.number();
const labels = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(100_000)])
  .describe('File beside model.json with one label a line, or the labels themselves');
const numberType = z
  .enum(['float', 'integer'])
  .describe('Default: integer where the tensor holds whole numbers');

const numberSchema = z
  .strictObject({
    type: numberType,
    minimum: finite.describe('Lowest that is accepted; default: any'),
    maximum: finite.describe('Highest that is accepted; default: any'),
    default: finite.describe('Where a request has none; without it one has to be sent'),
  })
  .partial();

const numbersSchema = z
  .strictObject({
    type: numberType,
    length: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .describe('How many; default: that of the signature'),
    minimum: finite.describe('Lowest that is accepted; default: any'),
    maximum: finite.describe('Highest that is accepted; default: any'),
    labels: labels.describe(
      'What each number is for, in a file or a list: then a label means 1 there and 0 elsewhere, and {"label": number, …} the numbers of some, 0 elsewhere',
    ),
    normalize: z.boolean().describe('Divide them by their sum; default false'),
    default: z
      .union([finite, z.array(finite), z.string().min(1), z.record(z.string(), finite)])
      .describe('Where a request has none: one number for all, a list, or by label'),
  })
  .partial();

const labelSchema = z
  .strictObject({
    labels,
    classes: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .describe('How many there are, where they have no labels'),
    default: z
      .union([z.string().min(1), z.number().int().min(0)])
      .describe('Label or its number where a request has none; without it one has to be sent'),
  })
  .partial();

const textSchema = z
  .strictObject({
    maxLength: z.number().int().min(1).max(1_000_000).describe('Characters; default 2000'),
    default: z.string().describe('Where a request has none; without it one has to be sent'),
  })
  .partial();

const noiseSchema = z
  .strictObject({
    distribution: z.enum(['normal', 'uniform']).describe('Default normal'),
    mean: finite.describe('Of normal noise; default 0'),
    stddev: finite.gt(0).describe('Of normal noise; default 1'),
    truncate: finite
      .min(0.1)
      .describe('Standard deviations beyond which a number is drawn again; default: none'),
    minimum: finite.describe('Of uniform noise; default 0'),
    maximum: finite.describe('Of uniform noise; default 1'),
    shape: z
      .array(z.number().int().min(1).max(65_536))
      .max(8)
      .describe('Of one row; needed where the signature leaves it open'),
  })
  .partial();

const KINDS = ['image', 'number', 'numbers', 'label', 'text', 'noise', 'seed'] as const;

const roleSchema = z
  .strictObject({
    name: tensorName.describe('Input of the signature; default: the role'),
    image: imageRoleSchema.describe('A picture: the first is the upload'),
    number: numberSchema.describe('A number'),
    numbers: numbersSchema.describe('Several numbers, such as the weights of a blend'),
    label: labelSchema.describe('One of several classes, by label or number'),
    text: textSchema.describe('A text'),
    noise: noiseSchema.describe("Random numbers, made from the request's seed"),
    seed: z.strictObject({}).describe("The request's seed itself, as a whole number"),
  })
  .partial()
  .refine(
    (role) => KINDS.filter((kind) => role[kind] !== undefined).length === 1,
    `must have exactly one of ${KINDS.join(', ')}`,
  );

/** `inputs` of model.json. */
export const inputsSchema = z
  .record(
    z.string().regex(/^[A-Za-z_][\w-]{0,63}$/, 'must be a name of letters, digits, "_" and "-"'),
    roleSchema,
  )
  .refine((roles) => Object.keys(roles).length > 0, 'must name an input');

export type InputsConfig = z.infer<typeof inputsSchema>;
export type RoleConfig = InputsConfig[string];

/** The files of labels that roles name, by role. */
export function labelFilesOf(inputs: InputsConfig | undefined): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(inputs ?? {}).flatMap(([role, { label, numbers }]) => {
      const named = (label ?? numbers)?.labels;
      return typeof named === 'string' ? [[role, named] as const] : [];
    }),
  );
}
