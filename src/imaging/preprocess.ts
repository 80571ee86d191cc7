import { ServingError } from '../kernel/errors';
import { openImage, type DecodeLimits, type ImageHeader } from './open-image';
import { placeAsIs, placeInTarget, type Placement } from './geometry';
import { writeNormalized, type Normalization } from './normalize';
import { placePicture } from './resize';
import { toLuma } from './rgb-picture';

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

export interface ImageTensor {
  readonly data: Float32Array | Uint8Array | Int32Array;
  /** Without the batch dimension: [height, width, channels] or [channels, height, width]. */
  readonly shape: readonly number[];
  /** Pixels fed to the model, padding included. */
  readonly width: number;
  readonly height: number;
  /** Pixels that are picture; the rest is padding to the right and below. */
  readonly validWidth: number;
  readonly validHeight: number;
  readonly source: ImageHeader;
}

export interface PreprocessOptions {
  /** Checked between the stages; libvips itself cannot be interrupted. */
  readonly signal?: AbortSignal;
  /** Where the memory of the result comes from; every byte of it is written. @default new */
  readonly allocate?: (bytes: number) => ArrayBuffer;
}

/**
 * Decodes an image and brings it into the form a model takes.
 * @throws ServingError BAD_REQUEST, UNSUPPORTED_IMAGE_FORMAT, IMAGE_TOO_LARGE, UNDECODABLE_IMAGE,
 *   IMAGE_SIZE_NOT_ALLOWED, CLIENT_CLOSED_REQUEST
 */
export async function preprocessImage(
  bytes: Uint8Array,
  spec: PreprocessSpec,
  limits: DecodeLimits,
  { signal, allocate = (size) => new ArrayBuffer(size) }: PreprocessOptions = {},
): Promise<ImageTensor> {
  throwIfGone(signal);
  const { header, pipeline: upright } = await openImage(bytes, limits);
  const placement = place(header, spec);
  throwIfGone(signal);
  const { data: rgb, width, height } = await placePicture(upright, header, placement, spec);
  throwIfGone(signal);
  const channels = spec.colorOrder === 'grayscale' ? 1 : 3;
  const valid = spec.size.kind === 'dynamic' ? header : { width, height };
  return {
    data: toModelData(channels === 1 ? toLuma(rgb) : rgb, spec, allocate, {
      width,
      height,
      channels,
    }),
    shape: spec.layout === 'NHWC' ? [height, width, channels] : [channels, height, width],
    width,
    height,
    validWidth: valid.width,
    validHeight: valid.height,
    source: header,
  };
}

function place(header: ImageHeader, spec: PreprocessSpec): Placement {
  const { size } = spec;
  if (size.kind === 'fixed') return placeInTarget(header, size, spec.fit, spec.cropFraction);
  requireSize(header, size);
  return placeAsIs(header, size.multipleOf);
}

function toModelData(
  pixels: Uint8Array,
  spec: PreprocessSpec,
  allocate: (bytes: number) => ArrayBuffer,
  size: { readonly width: number; readonly height: number; readonly channels: 1 | 3 },
): Float32Array | Uint8Array | Int32Array {
  const inOrder = size.channels === 1 || (spec.layout === 'NHWC' && spec.colorOrder !== 'bgr');
  if (spec.dtype === 'uint8' && spec.normalization === 'none' && inOrder) {
    // No copy. Were this a slice of Node's pool, handing it to another thread would take the pool.
    return pixels.byteLength === pixels.buffer.byteLength
      ? new Uint8Array(pixels.buffer)
      : Uint8Array.from(pixels);
  }
  const target = newArray(spec.dtype, pixels.length, allocate);
  writeNormalized(pixels, target, spec.normalization, {
    ...size,
    layout: spec.layout,
    bgr: spec.colorOrder === 'bgr',
  });
  return target;
}

function newArray(
  dtype: PreprocessSpec['dtype'],
  length: number,
  allocate: (bytes: number) => ArrayBuffer,
): Float32Array | Uint8Array | Int32Array {
  switch (dtype) {
    case 'float32':
      return new Float32Array(allocate(length * 4));
    case 'int32':
      return new Int32Array(allocate(length * 4));
    case 'uint8':
      return new Uint8Array(allocate(length));
  }
}

function requireSize(
  { width, height }: ImageHeader,
  { minSize, maxSize }: { readonly minSize: number; readonly maxSize: number },
): void {
  if (Math.min(width, height) >= minSize && Math.max(width, height) <= maxSize) return;
  throw new ServingError(
    'IMAGE_SIZE_NOT_ALLOWED',
    `The image is ${width}×${height}; the model takes sides from ${minSize} to ${maxSize} pixels`,
  );
}

function throwIfGone(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request');
  }
}
