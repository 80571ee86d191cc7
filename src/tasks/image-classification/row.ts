import { z } from 'zod';

import type { Prediction } from '../../outputs/classification';
import { defineRow } from '../task-row';

const members = z.object({
  predictions: z.array(z.object({ index: z.number(), label: z.string(), score: z.number() })),
});

export const classificationRow = defineRow({
  parameters: ['top'],
  files: 'none',
  members,
  columns: { predictions: 'json' },
  classesAre: 'ranked',
  of: ({ data }, { round }) => {
    const predictions = data.predictions as readonly Prediction[];
    return Promise.resolve({
      predictions: predictions.map(({ index, label, score }) => ({
        index,
        label,
        score: round(score),
      })),
    });
  },
  classes: ({ predictions }) => predictions,
});
