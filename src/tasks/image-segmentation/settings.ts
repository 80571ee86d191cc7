import { z } from 'zod';

/** What model.json may say of a segmentation. */
export const segmentationConfigSchema = z
  .strictObject({
    outputs: z
      .strictObject({
        mask: z
          .union([
            z.string().min(1),
            z.strictObject({
              name: z.string().min(1).optional(),
              activation: z
                .enum(['softmax', 'sigmoid', 'none'])
                .optional()
                .describe(
                  'softmax: logits of classes that exclude each other; sigmoid: logits of one class; none: probabilities, or indices of classes',
                ),
              layout: z
                .enum(['NHWC', 'NCHW'])
                .optional()
                .describe('Default: as the signature shows it'),
            }),
          ])
          .describe(
            'Output [rows, height, width, classes], or [rows, height, width] of class indices',
          ),
      })
      .partial(),
    threshold: z
      .number()
      .gt(0)
      .lt(1)
      .describe('Probability from which a pixel belongs to the only class; default 0.5'),
    background: z
      .union([z.literal(false), z.number().int().min(0).max(255)])
      .describe(
        'Class that is not answered, and transparent in a cut-out; default: 0 for models of two classes and more whose first label is "background", else false',
      ),
  })
  .partial();

export type SegmentationConfig = z.infer<typeof segmentationConfigSchema>;

/** What is known of a segmentation. */
export interface SegmentationSettings {
  /** Name of the output. */
  readonly mask: string;
  /** `scores`: a plane for each class; `probability`: one plane; `indices`: of classes. */
  readonly kind: 'scores' | 'probability' | 'indices';
  readonly activation: 'softmax' | 'sigmoid' | 'none';
  readonly layout: 'NHWC' | 'NCHW';
  /** Probability from which a pixel belongs to the only class. */
  readonly threshold: number;
  /** Class that is not answered; undefined: all are. */
  readonly background: number | undefined;
}
