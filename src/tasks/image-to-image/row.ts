import { z } from 'zod';

import { defineRow } from '../task-row';

const members = z.object({
  output: z.object({
    path: z.string(),
    width: z.coerce.number(),
    height: z.coerce.number(),
    format: z.string(),
    bytes: z.coerce.number(),
  }),
});

export const pictureRow = defineRow<z.infer<typeof members>>({
  parameters: [],
  files: 'needed',
  members,
  columns: {
    output: { path: 'STRING', width: 'INT64', height: 'INT64', format: 'STRING', bytes: 'INT64' },
  },
  classesAre: 'none',
  of: async ({ picture }, { keep }) => {
    const output = picture && (await keep(picture));
    if (output === undefined) throw new RangeError('there is no picture, or no folder for it');
    return { output };
  },
  classes: () => [],
  view: ({ output }) => ({ picture: output }),
});
