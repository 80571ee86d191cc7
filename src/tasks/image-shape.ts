import type { DType } from '../kernel/element-types';
import type { TensorSpec } from '../kernel/tensor';

/** Where a rank-4 shape has 1 or 3 channels; undefined when it has none in either place. */
export function channelsOf(
  shape: readonly number[] | undefined,
): { readonly layout: 'NHWC' | 'NCHW'; readonly channels: number } | undefined {
  if (shape?.length !== 4) return undefined;
  const [, second = -1, , last = -1] = shape;
  if (last === 1 || last === 3) return { layout: 'NHWC', channels: last };
  if (second === 1 || second === 3) return { layout: 'NCHW', channels: second };
  return undefined;
}

const PIXEL_TYPES: readonly (DType | undefined)[] = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'uint8',
];

/** Why an output cannot be a batch of pictures; undefined when it may be one. */
export function pictureProblem({ dtype, shape }: TensorSpec): string | undefined {
  if (!PIXEL_TYPES.includes(dtype)) return 'pixels are floats or DT_UINT8';
  if (shape === undefined) return undefined;
  const [, second = 0, , last = 0] = shape;
  const open = shape.length === 4 && (second < 0 || last < 0);
  return open || channelsOf(shape) !== undefined
    ? undefined
    : 'a batch of pictures has 4 dimensions, 1 or 3 channels among them';
}
