import { z } from 'zod';

import { defineRow } from '../task-row';
import type { Detection } from './detect';

const members = z.object({
  detections: z.array(
    z.object({
      label: z.string(),
      index: z.number(),
      score: z.number(),
      box: z.object({ xmin: z.number(), ymin: z.number(), xmax: z.number(), ymax: z.number() }),
    }),
  ),
});

type DetectionMembers = z.infer<typeof members>;

export const detectionRow = defineRow<DetectionMembers>({
  parameters: ['threshold'],
  files: 'none',
  members,
  columns: { detections: 'json' },
  classesAre: 'found',
  of: ({ data }, { round }) => {
    const detections = data.detections as readonly Detection[];
    return Promise.resolve({
      detections: detections.map((one) => ({ ...one, score: round(one.score) })),
    });
  },
  classes: ({ detections }) => detections,
  view: ({ detections }) => ({ findings: detections }),
});
