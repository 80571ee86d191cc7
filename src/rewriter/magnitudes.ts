import type { NumericData } from '../kernel/element-types';

/** Below this an output counts as zero: rounding errors have no scale there. */
const TINY = 1e-6;
/** Exponents of doubles begin here. */
const LOWEST_OCTAVE = -1074;
const OCTAVES = 2100;

/** From 4096 on values may be those of a mask, such as −1e4, −65504 or −1e9. */
const MASK_OCTAVE = 12;
/** Powers of two without a value between a mask and what it leaves. */
const GAP_OCTAVES = 9;
/** Between few values such a gap may be chance; one like this is not. */
const WIDE_GAP_OCTAVES = 20;
const FEW = 3;

/**
 * What a difference at each value is to be compared with: the largest value of the same order. Masks
 * of −1e9 have a scale of their own; beside them a wrong answer would be as good as none.
 * @param values infinities and what is not a number do not count
 */
export function scaleOf(values: NumericData): (value: number) => number {
  const counts = new Uint32Array(OCTAVES);
  const largest = new Float64Array(OCTAVES);
  for (const entry of values) {
    const size = Math.abs(Number(entry));
    if (size === 0 || !Number.isFinite(size)) continue;
    const octave = octaveOf(size);
    counts[octave] = (counts[octave] ?? 0) + 1;
    if (size > (largest[octave] ?? 0)) largest[octave] = size;
  }
  const bounds = separations(counts);
  // The largest value below each bound, and above the last one.
  const scales = [...bounds, OCTAVES].map((end, index) => {
    const members = largest.subarray(bounds[index - 1] ?? 0, end);
    return Math.max(
      TINY,
      members.reduce((most, size) => Math.max(most, size), 0),
    );
  });
  return (value) => {
    const octave = value === 0 ? 0 : octaveOf(Math.abs(value));
    const group = bounds.findIndex((bound) => octave < bound);
    return scales[group === -1 ? bounds.length : group] ?? TINY;
  };
}

/** Octaves at which values of another order begin, ascending. */
function separations(counts: Uint32Array): number[] {
  const bounds: number[] = [];
  let last: number | undefined;
  let members = 0;
  for (const [octave, count] of counts.entries()) {
    if (count === 0) continue;
    const gap = last === undefined ? 0 : octave - last;
    const isMask = octave + LOWEST_OCTAVE >= MASK_OCTAVE && gap >= GAP_OCTAVES;
    if (isMask && (members >= FEW || gap >= WIDE_GAP_OCTAVES)) {
      bounds.push(octave);
      members = 0;
    }
    members += count;
    last = octave;
  }
  return bounds;
}

function octaveOf(size: number): number {
  return Math.floor(Math.log2(size)) - LOWEST_OCTAVE;
}
