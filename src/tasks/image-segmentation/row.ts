import { z } from 'zod';

import { defineRow } from '../task-row';

const segment = z.object({
  label: z.string(),
  index: z.number(),
  score: z.number().optional(),
  area: z.number(),
});
const members = z.object({
  width: z.coerce.number(),
  height: z.coerce.number(),
  /** `mask`: path of the PNG, where files are kept. */
  segments: z.array(segment.extend({ mask: z.string().optional() })),
});
/** As the task answers it. */
const answered = z.object({
  width: z.number(),
  height: z.number(),
  segments: z.array(segment.extend({ mask: z.object({ b64: z.string() }) })),
});

type SegmentationMembers = z.infer<typeof members>;

export const segmentationRow = defineRow<SegmentationMembers>({
  parameters: [],
  files: 'welcome',
  members,
  columns: { width: 'integer', height: 'integer', segments: 'json' },
  classesAre: 'found',
  of: async ({ data }, { round, keep }) => {
    const { width, height, segments } = answered.parse(data);
    const rows: SegmentationMembers['segments'] = [];
    for (const { mask, score, ...found } of segments) {
      const bytes = Buffer.from(mask.b64, 'base64');
      const kept = await keep({ bytes, format: 'png', width, height }, String(found.index));
      rows.push({
        ...found,
        ...(score === undefined ? {} : { score: round(score) }),
        ...(kept === undefined ? {} : { mask: kept.path }),
      });
    }
    return { width, height, segments: rows };
  },
  classes: ({ segments }) => segments,
  view: ({ width, height, segments }) => ({
    findings: segments.map((one) => ({ ...one, share: one.area / (width * height) })),
  }),
});
