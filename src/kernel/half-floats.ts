/** Floats of 16 bits, as their bit patterns: JavaScript has no array for them on Node 20. */
export type HalfType = 'float16' | 'bfloat16';

const FLOAT_INFINITY = 0x7f800000;
/** Halfway between the largest half, 65504, and what would come next: rounds to infinity. */
const HALF_OVERFLOW = 0x477ff000;
/** 2^-14: below, halves are multiples of 2^-24. */
const HALF_SMALLEST_NORMAL = 0x38800000;
const HALF_EXPONENT_SHIFT = 0x38000000;

/** float32 values as 16-bit patterns, rounded to the nearest, ties to even, as TensorFlow's Cast does. */
export function toHalfBits(values: Float32Array, type: HalfType): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, type === 'float16' ? ieeeHalf : brainFloat);
}

/** Whether every finite value stays finite. */
export function fitsHalf(values: Float32Array, type: HalfType): boolean {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const infinity = type === 'float16' ? 0x7c00 : 0x7f80;
  const convert = type === 'float16' ? ieeeHalf : brainFloat;
  return bits.every(
    (pattern) =>
      (pattern & FLOAT_INFINITY) === FLOAT_INFINITY || (convert(pattern) & 0x7fff) !== infinity,
  );
}

const WORD = new Uint32Array(1);
const FLOAT = new Float32Array(WORD.buffer);

/** The 16-bit pattern of one number, which is rounded to float32 first. */
export function toHalf(value: number, type: HalfType): number {
  FLOAT[0] = value;
  const bits = WORD[0] ?? 0;
  return type === 'float16' ? ieeeHalf(bits) : brainFloat(bits);
}

/** The number that a 16-bit pattern stands for; float32 holds every one. */
export function fromHalf(bits: number, type: HalfType): number {
  if (type === 'bfloat16') {
    // The upper half of a float32.
    WORD[0] = bits << 16;
    return FLOAT[0] ?? NaN;
  }
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** 16-bit patterns as float32 values, exactly. */
export function fromHalfBits(
  patterns: ArrayLike<number>,
  type: HalfType,
): Float32Array<ArrayBuffer> {
  return Float32Array.from(patterns, (bits) => fromHalf(bits, type));
}

function ieeeHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > FLOAT_INFINITY) return sign | 0x7e00;
  if (magnitude >= HALF_OVERFLOW) return sign | 0x7c00;
  if (magnitude >= HALF_SMALLEST_NORMAL) {
    const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
    return sign | ((rounded - HALF_EXPONENT_SHIFT) >>> 13);
  }
  const exponent = magnitude >>> 23;
  // Below 2^-25 everything is nearest to zero.
  if (exponent < 102) return sign;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const dropped = 126 - exponent;
  const kept = mantissa >>> dropped;
  const rest = mantissa & (2 ** dropped - 1);
  const half = 2 ** (dropped - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

function brainFloat(bits: number): number {
  if ((bits & 0x7fffffff) > FLOAT_INFINITY) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}
