import { elementCount, type TensorSpec } from '../../kernel/tensor';

/** The shape that one row is fed with: a first dimension of any size is 1. */
export function oneRow(shape: readonly number[]): readonly number[] {
  return shape.map((size, axis) => (axis === 0 && size < 0 ? 1 : size));
}

/**
 * The shape that one row of `count` elements is fed with. One more dimension of any size takes what is
 * left of them.
 * @returns undefined where the input cannot take so many
 */
export function shapeFor({ shape }: TensorSpec, count: number): readonly number[] | undefined {
  if (shape === undefined) return undefined;
  const row = oneRow(shape);
  const open = row.filter((size) => size < 0).length;
  const known = elementCount(row.filter((size) => size >= 0));
  if (open > 1 || known === 0 || count % known !== 0) return undefined;
  const left = count / known;
  if (open === 0 && left !== 1) return undefined;
  return row.map((size) => (size < 0 ? left : size));
}

/** Elements of one row; undefined where the signature leaves them open. */
export function elementsOfRow({ shape }: TensorSpec): number | undefined {
  if (shape === undefined) return undefined;
  const row = oneRow(shape);
  return row.some((size) => size < 0) ? undefined : elementCount(row);
}
