import { z } from 'zod';

import { defineRow } from '../task-row';

/** Points of the curve that a report draws of a vector. */
const CURVE_POINTS = 64;

const members = z.object({
  embedding: z.array(z.number()).transform((list) => list.map(shortest)),
});

export const embeddingRow = defineRow<z.infer<typeof members>>({
  parameters: ['normalize'],
  files: 'none',
  members,
  columns: { embedding: 'floats' },
  classesAre: 'none',
  of: ({ data }) => Promise.resolve(members.parse(data)),
  classes: () => [],
  view: ({ embedding }) => ({ text: summary(embedding), curve: curveOf(embedding) }),
});

/** Nine digits tell every 32-bit number from its neighbours. */
function shortest(value: number): number {
  return Number(value.toPrecision(9));
}

/** Its length and first numbers: enough to see that it is none of zeros, or of unit length. */
function summary(vector: readonly number[]): string {
  const shown = vector.slice(0, 4).map((value) => value.toPrecision(3));
  const more = vector.length > shown.length ? ', …' : '';
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return `${vector.length} numbers, length ${length.toPrecision(4)}: ${shown.join(', ')}${more}`;
}

/** The means of equal parts of a long vector, so that vectors can be told apart at a glance. */
function curveOf(vector: readonly number[]): readonly number[] {
  const parts = Math.min(vector.length, CURVE_POINTS);
  return Array.from({ length: parts }, (_, part) => {
    const values = vector.slice(
      Math.floor((part * vector.length) / parts),
      Math.floor(((part + 1) * vector.length) / parts),
    );
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  });
}
