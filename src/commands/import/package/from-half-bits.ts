/** IEEE half floats as float32, exactly. */
export function fromHalfBits(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, (pattern) => {
    const sign = (pattern & 0x8000) === 0 ? 1 : -1;
    const exponent = (pattern >>> 10) & 0x1f;
    const mantissa = pattern & 0x3ff;
    if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
    if (exponent === 0) return sign * mantissa * 2 ** -24;
    return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
  });
}
