import type { Normalization } from './normalize';

/**
 * How pictures are resized. Those of libvips weigh all pixels that an output pixel covers. Those that
 * begin with `tf-` are TensorFlow's bilinear ones to the last bits, and look at four pixels, whatever
 * the sizes:
 * - `tf-bilinear`: centres of pixels lie on each other, as in `tf.image.resize`;
 * - `tf-bilinear-legacy`: upper left corners do, as in TensorFlow 1 and, by default, in
 *   `tf.image.resizeBilinear` of TensorFlow.js;
 * - `tf-bilinear-align-corners`: the centres of all four corner pixels do, as with `alignCorners`.
 */
export const RESIZE_KERNELS = [
  'nearest',
  'linear',
  'cubic',
  'mitchell',
  'lanczos2',
  'lanczos3',
  'tf-bilinear',
  'tf-bilinear-legacy',
  'tf-bilinear-align-corners',
] as const;

export type ResizeKernel = (typeof RESIZE_KERNELS)[number];
/** Kernels that TensorFlow has under these names. */
export type TensorFlowKernel = Extract<ResizeKernel, `tf-${string}`>;
/** Kernels that libvips has under these names. */
export type LibvipsKernel = Exclude<ResizeKernel, TensorFlowKernel>;

export function isTensorFlowKernel(kernel: ResizeKernel): kernel is TensorFlowKernel {
  return kernel.startsWith('tf-');
}

/** How an image becomes the input of a model. */
export interface PreprocessSpec {
  readonly size:
    | { readonly kind: 'fixed'; readonly width: number; readonly height: number }
    /** The image keeps its size; sides are padded up to a multiple of `multipleOf`. */
    | {
        readonly kind: 'dynamic';
        readonly minSize: number;
        readonly maxSize: number;
        readonly multipleOf: number;
      };
  /** cover crops, contain pads with `padColor`, fill stretches. */
  readonly fit: 'cover' | 'contain' | 'fill';
  readonly padColor: string;
  /**
   * Whether JPEGs far too large may be decoded at a half, a quarter or an eighth of their size; never
   * for TensorFlow's kernels.
   */
  readonly shrinkOnLoad: boolean;
  readonly kernel: ResizeKernel;
  /**
   * Side of the centred region that is kept, relative to the largest that fits, in (0, 1]. With
   * cover this equals "resize the short side to target / cropFraction, then crop the centre", the
   * usual evaluation transform of ImageNet models.
   */
  readonly cropFraction: number;
  readonly colorOrder: 'rgb' | 'bgr' | 'grayscale';
  readonly layout: 'NHWC' | 'NCHW';
  readonly dtype: 'float32' | 'uint8' | 'int32';
  readonly normalization: Normalization;
}
