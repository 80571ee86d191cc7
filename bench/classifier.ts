/** How the shipped classifier takes a photo, as in saved_models/efficientnet-lite0/model.json. */
export const CLASSIFIER_INPUT = {
  size: { kind: 'fixed', width: 224, height: 224 },
  fit: 'cover',
  padColor: '#000000',
  shrinkOnLoad: true,
  kernel: 'cubic',
  cropFraction: 0.875,
  colorOrder: 'rgb',
  layout: 'NHWC',
  dtype: 'float32',
  normalization: { mean: [127, 127, 127], std: [128, 128, 128] },
} as const;

/** The server's defaults. */
export const DECODE_LIMITS = {
  maxPixels: 50_000_000,
  maxImageSide: 32_768,
  decodeTimeoutS: 0,
  background: '#ffffff',
  applyIcc: false,
};
