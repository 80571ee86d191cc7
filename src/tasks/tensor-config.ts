import { z } from 'zod';

/** What model.json may say of a model that is only asked for tensors. */
export const tensorConfigSchema = z
  .strictObject({
    output: z
      .strictObject({
        name: z.string().min(1).describe('Output that the labels belong to'),
        labels: z.string().min(1).describe('File beside model.json with one label a line'),
      })
      .partial(),
  })
  .partial();

export type TensorConfig = z.infer<typeof tensorConfigSchema>;
