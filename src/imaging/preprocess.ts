import type { Sharp } from 'sharp';

import { ServingError } from '../kernel/errors';
import { inSlices, type Steps } from '../kernel/time-slices';
import { placeAsIs, placeInTarget, type Placement, type Size } from './geometry';
import type { ImageHeader } from './image-header';
import { writeNormalizedFloatsSteps, writeNormalizedSteps } from './normalize';
import { openImage, type DecodeLimits, type OpenedImage } from './open-image';
import { isTensorFlowKernel, type PreprocessSpec } from './preprocess-spec';
import { placePicture } from './resize';
import { toFloatLumaSteps, toLumaSteps, type RgbPicture } from './rgb-picture';
import {
  regionPixels,
  resizeAsTensorFlowSteps,
  toBytesSteps,
  type FloatPicture,
} from './tensorflow-resize';

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
  /** Where in the source the pixels come from. */
  readonly placement: Placement;
}

export interface PreprocessOptions {
  /** Checked between the stages; libvips itself cannot be interrupted. */
  readonly signal?: AbortSignal | undefined;
  /** Where the memory of the result comes from; every byte of it is written. @default new */
  readonly allocate?: (bytes: number) => ArrayBuffer;
}

/**
 * Decodes an image and brings it into the form a model takes.
 * @throws ServingError BAD_REQUEST, UNSUPPORTED_IMAGE_FORMAT, IMAGE_TOO_LARGE, UNDECODABLE_IMAGE,
 *   DECODE_TIMEOUT, IMAGE_SIZE_NOT_ALLOWED, CLIENT_CLOSED_REQUEST
 */
export async function preprocessImage(
  bytes: Uint8Array,
  spec: PreprocessSpec,
  limits: DecodeLimits,
  options: PreprocessOptions = {},
): Promise<ImageTensor> {
  throwIfGone(options.signal);
  return preprocessOpened(await openImage(bytes, limits), spec, options);
}

/** As `preprocessImage`, for an image whose header has been read. */
export async function preprocessOpened(
  { header, pipeline }: OpenedImage,
  spec: PreprocessSpec,
  { signal, allocate = (size) => new ArrayBuffer(size) }: PreprocessOptions = {},
): Promise<ImageTensor> {
  const placement = place(header, spec);
  throwIfGone(signal);
  const upright = await pipeline(signal);
  const picture = await resizedPicture(upright, header, placement, spec, signal);
  throwIfGone(signal);
  const { width, height } = picture;
  const channels = spec.colorOrder === 'grayscale' ? 1 : 3;
  const valid = spec.size.kind === 'dynamic' ? header : { width, height };
  const size = { width, height, channels } as const;
  const { data } = picture;
  const steps =
    data instanceof Float32Array
      ? modelFloats(data, spec, allocate, size)
      : modelData(data, spec, allocate, size);
  return {
    data: await inSlices<ImageTensor['data']>(steps, signal),
    shape: spec.layout === 'NHWC' ? [height, width, channels] : [channels, height, width],
    width,
    height,
    validWidth: valid.width,
    validHeight: valid.height,
    source: header,
    placement,
  };
}

function place(header: ImageHeader, spec: PreprocessSpec): Placement {
  const { size } = spec;
  if (size.kind === 'fixed') return placeInTarget(header, size, spec.fit, spec.cropFraction);
  requireSize(header, size);
  return placeAsIs(header, size.multipleOf);
}

interface PictureSize extends Size {
  readonly channels: 1 | 3;
}

/** Pixels in whole numbers, unless the kernel makes others and the model takes them. */
async function resizedPicture(
  upright: Sharp,
  header: ImageHeader,
  placement: Placement,
  spec: PreprocessSpec,
  signal: AbortSignal | undefined,
): Promise<RgbPicture | FloatPicture> {
  const { kernel, size, padColor, dtype } = spec;
  if (!isTensorFlowKernel(kernel)) {
    return placePicture(upright, header, placement, { ...spec, kernel });
  }
  // Pictures that keep their size are only padded.
  if (size.kind === 'dynamic') {
    return placePicture(upright, header, placement, { ...spec, kernel: 'nearest' });
  }
  const region = await regionPixels(upright, header, placement);
  const steps = resizeAsTensorFlowSteps(region, placement, { kernel, padColor });
  const floats = await inSlices(steps, signal);
  return dtype === 'float32' ? floats : inSlices(toBytesSteps(floats), signal);
}

function* modelFloats(
  rgb: Float32Array,
  spec: PreprocessSpec,
  allocate: (bytes: number) => ArrayBuffer,
  size: PictureSize,
): Steps<Float32Array> {
  const pixels = size.channels === 1 ? yield* toFloatLumaSteps(rgb) : rgb;
  const target = new Float32Array(allocate(pixels.byteLength));
  yield* writeNormalizedFloatsSteps(pixels, target, spec.normalization, {
    ...size,
    layout: spec.layout,
    bgr: spec.colorOrder === 'bgr',
  });
  return target;
}

/** Pixels of the model's size, interleaved RGB, in the form that the model takes. */
export function* modelData(
  rgb: Uint8Array,
  spec: Pick<PreprocessSpec, 'colorOrder' | 'dtype' | 'layout' | 'normalization'>,
  allocate: (bytes: number) => ArrayBuffer,
  size: PictureSize,
): Steps<Float32Array | Uint8Array | Int32Array> {
  const pixels = size.channels === 1 ? yield* toLumaSteps(rgb) : rgb;
  const inOrder = size.channels === 1 || (spec.layout === 'NHWC' && spec.colorOrder !== 'bgr');
  if (spec.dtype === 'uint8' && spec.normalization === 'none' && inOrder) {
    // A plain array, as the other types are: a Buffer's own `slice` would share memory.
    return new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.length);
  }
  const target = newArray(spec.dtype, pixels.length, allocate);
  yield* writeNormalizedSteps(pixels, target, spec.normalization, {
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
