import type { Normalization } from '../../imaging/normalize';

/** What a model that takes images does around its network; decides what its rewrite holds. */
export interface ImagePlan {
  /** Signature that images run through. */
  readonly signature: string;
  readonly input: {
    readonly name: string;
    readonly dtype: 'float32' | 'int32' | 'uint8';
    readonly layout: 'NHWC' | 'NCHW';
    readonly colorOrder: 'rgb' | 'bgr' | 'grayscale';
    readonly normalization: Normalization;
  };
  /** Of the model's own, those that are answered; the first is what `postprocess` is for. */
  readonly outputs: readonly string[];
  /** What comes before the network, and after it, is to be put into the graph. */
  readonly preprocess: boolean;
  readonly postprocess: Postprocess | undefined;
  /** Width and height of the pictures to compare answers on. */
  readonly sizes: readonly (readonly [number, number])[];
}

export type Postprocess =
  | {
      readonly kind: 'classes';
      readonly activation: 'softmax' | 'sigmoid' | 'none';
      /** Classes that are answered. */
      readonly k: number;
    }
  | {
      readonly kind: 'pixels';
      readonly valueRange: readonly [number, number];
      readonly layout: 'NHWC' | 'NCHW';
    };

/** The signature that images run through in a rewritten model; clients never see it. */
export const IMAGE_SIGNATURE = 'tfjs_serving_image';
/** Its input: uint8 RGB, [rows, height, width, 3]. */
export const PIXELS_IN = 'tfjs_serving_pixels_in';
/** Its outputs besides the model's own: float32 and int32 [rows, k]; uint8 [rows, height, width, channels]. */
export const TOP_SCORES = 'tfjs_serving_top_scores';
export const TOP_INDICES = 'tfjs_serving_top_indices';
export const PIXELS_OUT = 'tfjs_serving_pixels_out';

/** What of a plan is in a rewritten model. */
export interface ImageReport {
  readonly preprocess: boolean;
  readonly postprocess: boolean;
  /** Why something that was planned is not. */
  readonly reason?: string;
  /** Something was put into the graph, and fails or answers otherwise. */
  readonly dropped?: true;
}
