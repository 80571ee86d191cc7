import { integersOf, textOf } from '../graph/attributes';
import type { Layer } from './find-layers';

/** Rows above and below, columns to the left and right. */
export interface Padding {
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
}

/**
 * What a convolution adds around its input.
 * @param shape of the input, where it is always the same
 * @returns undefined where that depends on a size that is not known
 */
export function paddingOf(
  { node, weights }: Pick<Layer, 'node' | 'weights'>,
  shape: readonly number[] | undefined,
): Padding | undefined {
  const [height = 1, width = 1] = weights.shape;
  const [, down = 1, right = 1] = integersOf(node.attr, 'strides') ?? [];
  const [, tall = 1, wide = 1] = integersOf(node.attr, 'dilations') ?? [];
  switch (textOf(node.attr, 'padding') ?? 'SAME') {
    case 'VALID':
      return { rows: [0, 0], columns: [0, 0] };
    case 'EXPLICIT': {
      const [, , top = 0, bottom = 0, left = 0, end = 0] =
        integersOf(node.attr, 'explicit_paddings') ?? [];
      return { rows: [top, bottom], columns: [left, end] };
    }
    default: {
      const rows = same((height - 1) * tall + 1, down, shape?.[1]);
      const columns = same((width - 1) * wide + 1, right, shape?.[2]);
      return rows === undefined || columns === undefined ? undefined : { rows, columns };
    }
  }
}

export function isPadded({ rows, columns }: Padding): boolean {
  return [...rows, ...columns].some((count) => count > 0);
}

/** TensorFlow's rule; with a stride it depends on the size. */
function same(
  window: number,
  stride: number,
  size: number | undefined,
): readonly [number, number] | undefined {
  if (window === 1) return [0, 0];
  if (stride > 1 && size === undefined) return undefined;
  const length = size ?? window;
  const total =
    stride === 1
      ? window - 1
      : Math.max((Math.ceil(length / stride) - 1) * stride + window - length, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}
