import { ServingError } from '../kernel/errors';
import type { Tensor } from '../kernel/tensor';
import type { ImageInputSpec } from '../tasks/task';

/**
 * Pictures that come as numbers are held to the sizes that encoded ones are: what a run takes grows
 * with them. Smaller ones than the model says are let through, for the model to judge.
 * @param maxPixels of one picture
 * @throws ServingError IMAGE_SIZE_NOT_ALLOWED
 */
export function requireImageTensorSize(
  image: ImageInputSpec,
  { name, shape }: Tensor,
  maxPixels: number,
): void {
  if (shape.length !== 4) return;
  const [, second = 0, third = 0, last = 0] = shape;
  const [height, width] = image.layout === 'NHWC' ? [second, third] : [third, last];
  const maxSide = image.size.kind === 'dynamic' ? image.size.maxSize : Infinity;
  if (Math.max(height, width) > maxSide) {
    throw new ServingError(
      'IMAGE_SIZE_NOT_ALLOWED',
      `input "${name}" holds pictures of ${width}×${height}; the model takes sides of at most ${maxSide} pixels (input.dynamic.maxSize in model.json)`,
    );
  }
  if (height * width > maxPixels) {
    throw new ServingError(
      'IMAGE_SIZE_NOT_ALLOWED',
      `input "${name}" holds pictures of ${width}×${height}; the server takes at most ${maxPixels} pixels in one (maxPixels)`,
    );
  }
}
