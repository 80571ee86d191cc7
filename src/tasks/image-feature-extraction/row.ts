import { z } from 'zod';

import { defineRow } from '../task-row';

const members = z.object({
  embedding: z.array(z.number()).transform((list) => list.map(shortest)),
});

export const embeddingRow = defineRow<z.infer<typeof members>>({
  parameters: ['normalize'],
  files: 'none',
  members,
  columns: { embedding: 'floats' },
  counts: false,
  of: ({ data }) => Promise.resolve(members.parse(data)),
  classes: () => [],
});

/** Nine digits tell every 32-bit number from its neighbours. */
function shortest(value: number): number {
  return Number(value.toPrecision(9));
}
