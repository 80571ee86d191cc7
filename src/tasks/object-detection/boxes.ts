/** A box in whatever units and place it is said to be. */
export interface Box {
  readonly xmin: number;
  readonly ymin: number;
  readonly xmax: number;
  readonly ymax: number;
}

/**
 * What the four numbers of a box mean: corners by rows or by columns first, or the centre and the
 * size, or the upper left corner and the size.
 */
export const BOX_FORMATS = ['yxyx', 'xyxy', 'cxcywh', 'xywh'] as const;
export type BoxFormat = (typeof BOX_FORMATS)[number];

/** @param values four numbers a box */
export function readBox(values: ArrayLike<number>, index: number, format: BoxFormat): Box {
  const at = (offset: number): number => values[4 * index + offset] ?? NaN;
  const [a, b, c, d] = [at(0), at(1), at(2), at(3)];
  switch (format) {
    case 'yxyx':
      return { ymin: a, xmin: b, ymax: c, xmax: d };
    case 'xyxy':
      return { xmin: a, ymin: b, xmax: c, ymax: d };
    case 'cxcywh':
      return { xmin: a - c / 2, ymin: b - d / 2, xmax: a + c / 2, ymax: b + d / 2 };
    case 'xywh':
      return { xmin: a, ymin: b, xmax: a + c, ymax: b + d };
  }
}

/** Area that two boxes share, relative to what they cover together: 0 to 1. */
export function intersectionOverUnion(a: Box, b: Box): number {
  const width = Math.min(a.xmax, b.xmax) - Math.max(a.xmin, b.xmin);
  const height = Math.min(a.ymax, b.ymax) - Math.max(a.ymin, b.ymin);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (area(a) + area(b) - shared);
}

function area({ xmin, ymin, xmax, ymax }: Box): number {
  return Math.max(0, xmax - xmin) * Math.max(0, ymax - ymin);
}
