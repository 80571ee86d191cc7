const { floor, fround } = Math;
const POWERS = Float64Array.from({ length: 13 }, (_, exponent) => 10 ** exponent);

/**
 * A short decimal that is read back as the same float32: 0.1, not 0.10000000149011612.
 * Whole numbers get `.0`, as TensorFlow Serving writes them, so that readers see a float.
 */
export function float32Text(value: number): string {
  if (value === floor(value) && value - value === 0) {
    const text = Object.is(value, -0) ? '-0' : String(value);
    return text.includes('e') ? text : `${text}.0`;
  }
  const size = value < 0 ? -value : value;
  if (size >= 1e-4 && size < 1e6) {
    const decimals = decimalsFor(size);
    // Seven significant digits often suffice, nine always do. They are made of a whole number,
    // which prints several times faster than a fraction.
    for (let places = decimals; places <= decimals + 2; places++) {
      const scale = POWERS[places] ?? 1;
      const scaled = floor(size * scale + 0.5);
      if (fround(scaled / scale) === size) return (value < 0 ? '-' : '') + shift(scaled, places);
    }
  }
  if (value - value !== 0) return String(value);
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (fround(rounded) === value) return String(rounded);
  }
  return String(Number(value.toPrecision(9)));
}

/** The shortest decimal that is read back as the same number; whole ones get `.0`, as above. */
export function float64Text(value: number): string {
  if (!Number.isInteger(value)) return String(value);
  const text = Object.is(value, -0) ? '-0' : String(value);
  return text.includes('e') ? text : `${text}.0`;
}

/** scaled / 10^places as text, without zeros at its end. */
function shift(scaled: number, places: number): string {
  const digits = String(scaled).padStart(places + 1, '0');
  const point = digits.length - places;
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end -= 1;
  return `${digits.slice(0, point)}.${digits.slice(point, end)}`;
}

/** Decimal places that make seven significant digits. */
function decimalsFor(size: number): number {
  if (size >= 1) {
    if (size < 10) return 6;
    if (size < 100) return 5;
    if (size < 1e3) return 4;
    if (size < 1e4) return 3;
    return size < 1e5 ? 2 : 1;
  }
  if (size >= 0.1) return 7;
  if (size >= 0.01) return 8;
  return size >= 0.001 ? 9 : 10;
}
