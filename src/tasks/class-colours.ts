import type { Colour } from '../imaging/indexed-png';

/** A full turn divided by the golden ratio, in degrees: neighbours differ, and it never repeats. */
const GOLDEN_ANGLE = 137.507_764;

/** A bright colour for each class, the same every time. */
export function classColour(index: number): Colour {
  const hue = (index * GOLDEN_ANGLE + 210) % 360;
  // HSL at full saturation and half lightness, darkened a little so that white text can be read on it.
  const channel = (offset: number): number => {
    const k = (offset + hue / 30) % 12;
    return Math.round(225 * (0.5 - 0.5 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/** What can be read on a colour, by its brightness to the eye (BT.601). */
export function textOn([red, green, blue]: Colour): 'black' | 'white' {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 110 ? 'black' : 'white';
}
