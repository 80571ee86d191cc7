/** Values between which a tensor lies. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** How 8 bits stand for numbers: value = (byte − zeroPoint) · scale. */
export interface Quantization {
  readonly scale: number;
  /** The byte that stands for zero, 0 to 255. */
  readonly zeroPoint: number;
}

export const LARGEST_BYTE = 255;
export const LARGEST_INT8 = 127;
/** Of a tensor that is zero throughout. */
const LEAST_SCALE = 1e-8;

/** Zero is always a byte of its own: padding and ReLU depend on it. */
export function quantizationOf({ min, max }: Range): Quantization {
  const low = Math.min(0, min);
  const high = Math.max(0, max);
  const scale = Math.fround(Math.max((high - low) / LARGEST_BYTE, LEAST_SCALE));
  return { scale, zeroPoint: Math.min(LARGEST_BYTE, Math.round(Math.abs(low) / scale)) };
}

/** The smallest range that holds all of them. */
export function unionOf(ranges: readonly Range[]): Range {
  return {
    min: Math.min(...ranges.map(({ min }) => min)),
    max: Math.max(...ranges.map(({ max }) => max)),
  };
}
