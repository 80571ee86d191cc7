import { ServingError } from '../kernel/errors';
import type { Size } from './geometry';

/** What a picture may measure, checked by its header before anything is decoded. */
export interface SizeLimits {
  /** Width × height at most. */
  readonly maxPixels: number;
  /** Pixels of the longer side at most: decoders take rows and columns one by one. */
  readonly maxImageSide: number;
}

/** @throws ServingError IMAGE_TOO_LARGE */
export function requireSize({ width, height }: Size, limits: SizeLimits): void {
  const { maxPixels, maxImageSide } = limits;
  if (width * height > maxPixels) {
    throw new ServingError(
      'IMAGE_TOO_LARGE',
      `The image has ${width}×${height} = ${width * height} pixels; ${maxPixels} are allowed`,
    );
  }
  if (Math.max(width, height) > maxImageSide) {
    throw new ServingError(
      'IMAGE_TOO_LARGE',
      `The image is ${width}×${height}; its sides may have ${maxImageSide} pixels`,
    );
  }
}
