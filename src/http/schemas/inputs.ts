import { z } from 'zod';

const list = <T extends z.ZodType>(item: T) => z.array(item).readonly();

/** What a model takes, one input of its signature. */
export const inputSchema = z
  .object({
    role: z.string().describe('Name of the field, member or parameter in a request'),
    name: z.string().describe('Of the input in the signature'),
    kind: z.enum(['image', 'number', 'numbers', 'label', 'text', 'noise', 'seed']),
    required: z.boolean().describe('A request has to have it'),
    default: z
      .union([z.number(), z.string(), list(z.number())])
      .optional()
      .describe('Where a request has none'),
    type: z.enum(['float', 'integer']).optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    length: z.number().int().optional().describe('How many numbers'),
    classes: z.number().int().optional().describe('How many labels there are'),
    labels: list(z.string()).optional(),
    normalize: z.boolean().optional().describe('The numbers are divided by their sum'),
    maxLength: z.number().int().optional().describe('Characters'),
    shape: list(z.number().int()).optional().describe('Of the noise of one row'),
    distribution: z.enum(['normal', 'uniform']).optional(),
    decodedByGraph: list(z.string())
      .optional()
      .describe('Formats that the graph itself decodes; others are encoded anew for it'),
  })
  .meta({ id: 'ModelInput' });

export type InputBody = z.infer<typeof inputSchema>;
