import { z } from 'zod';

import { BOX_FORMATS, type BoxFormat } from './boxes';

const tensorName = z.string().min(1);

/** A role by its tensor's name, or by an object that says more of it. */
function role<T extends z.ZodRawShape>(more: T) {
  return z.union([tensorName, z.strictObject({ name: tensorName.optional(), ...more })]);
}

/** What model.json may say of a detector. */
export const detectionConfigSchema = z
  .strictObject({
    outputs: z
      .strictObject({
        boxes: role({
          format: z
            .enum(BOX_FORMATS)
            .optional()
            .describe('What the four numbers are; default yxyx, xyxy for an output named "boxes"'),
          units: z
            .enum(['relative', 'pixels'])
            .optional()
            .describe('Of the picture that the model is fed: 0 to 1, or pixels; default relative'),
        }).describe('Output [rows, boxes, 4]'),
        scores: role({
          activation: z.enum(['none', 'sigmoid']).optional().describe('Default none'),
        }).describe('Output [rows, boxes], or with a score for each class [rows, boxes, classes]'),
        classes: role({
          offset: z
            .number()
            .int()
            .min(0)
            .max(1000)
            .optional()
            .describe('Number of the first label; default 1 for "detection_classes", else 0'),
        }).describe('Output [rows, boxes]'),
        count: tensorName.describe('Output [rows]: how many of the boxes are meant'),
      })
      .partial(),
    threshold: z.number().min(0).max(1).describe('Lowest score that is answered; default 0.5'),
    maxDetections: z.number().int().min(1).max(10_000).describe('Default 100'),
    nms: z
      .union([
        z.literal(false),
        z.strictObject({
          iou: z.number().gt(0).max(1).describe('Overlap above which the lower score goes'),
        }),
      ])
      .describe(
        'Non-maximum suppression by class; default: {"iou": 0.5} where the model gives scores for each class, else false, as the graph has done it',
      ),
  })
  .partial();

export type DetectionConfig = z.infer<typeof detectionConfigSchema>;

/** What is known of a detector. */
export interface DetectionSettings {
  /** Names of outputs. */
  readonly boxes: string;
  readonly scores: string;
  readonly classes: string | undefined;
  readonly count: string | undefined;
  readonly format: BoxFormat;
  readonly units: 'relative' | 'pixels';
  readonly activation: 'none' | 'sigmoid';
  /** Number that the model gives the first label. */
  readonly classOffset: number;
  readonly threshold: number;
  readonly maxDetections: number;
  /** Overlap of 0 to 1; undefined: nothing is suppressed. */
  readonly nms: number | undefined;
}
