import type { Normalization } from './normalize';

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
  /** Whether JPEGs far too large may be decoded at a half, a quarter or an eighth of their size. */
  readonly shrinkOnLoad: boolean;
  readonly kernel: 'nearest' | 'linear' | 'cubic' | 'mitchell' | 'lanczos2' | 'lanczos3';
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
