import type { Range } from './quantization';
import { quantizationOf } from './quantization';
import type { ValueHistogram } from './value-histogram';

/**
 * Ways to choose the range that 8 bits cover: all values; all but one in 10,000 or 1,000 at either end;
 * the one that errs least on average; the one whose distribution is nearest (Kullback–Leibler).
 */
export const RANGE_METHODS = ['largest', '99.99 %', '99.9 %', 'square error', 'KL'] as const;
export type RangeMethod = (typeof RANGE_METHODS)[number];

/** Shares of the largest range that are tried. */
const SHARES = Array.from({ length: 24 }, (_, index) => 1 - index / 32);

export function chooseRange(histogram: ValueHistogram, method: RangeMethod): Range {
  switch (method) {
    case 'largest':
      return histogram.range;
    case '99.99 %':
      return percentiles(histogram, 1e-4);
    case '99.9 %':
      return percentiles(histogram, 1e-3);
    case 'square error':
      return least(histogram, squareError);
    case 'KL':
      return least(histogram, divergence);
  }
}

function percentiles(histogram: ValueHistogram, share: number): Range {
  const { counts, range } = histogram;
  const allowed = counts.reduce((sum, count) => sum + count, 0) * share;
  let low = 0;
  for (let sum = counts[0] ?? 0; sum <= allowed && low < counts.length; sum += counts[low] ?? 0) {
    low += 1;
  }
  let high = counts.length - 1;
  for (let sum = counts[high] ?? 0; sum <= allowed && high > 0; sum += counts[high] ?? 0) {
    high -= 1;
  }
  return {
    min: Math.max(range.min, Math.min(0, histogram.edge(low))),
    max: Math.min(range.max, Math.max(0, histogram.edge(high + 1))),
  };
}

function least(
  histogram: ValueHistogram,
  loss: (histogram: ValueHistogram, range: Range) => number,
): Range {
  const { range } = histogram;
  let best = range;
  let smallest = Infinity;
  for (const share of SHARES) {
    const tried = { min: range.min * share, max: range.max * share };
    const found = loss(histogram, tried);
    if (found < smallest) {
      smallest = found;
      best = tried;
    }
  }
  return best;
}

/** Sum of the squares of what rounding and clipping change. */
function squareError(histogram: ValueHistogram, range: Range): number {
  const { scale, zeroPoint } = quantizationOf(range);
  let sum = 0;
  histogram.counts.forEach((count, bin) => {
    if (count === 0) return;
    const value = histogram.edge(bin) + histogram.step / 2;
    const byte = Math.max(0, Math.min(255, Math.round(value / scale) + zeroPoint));
    // Within a bin, values lie anywhere: rounding errs at least so much.
    const error = Math.abs(value - (byte - zeroPoint) * scale);
    sum += count * (error * error + (scale * scale) / 12);
  });
  return sum;
}

/** Distance of the distribution in 256 steps, clipped, from the one it stands for. */
function divergence(histogram: ValueHistogram, range: Range): number {
  const { scale, zeroPoint } = quantizationOf(range);
  const { counts } = histogram;
  const byteOf = (bin: number): number => {
    const value = histogram.edge(bin) + histogram.step / 2;
    return Math.max(0, Math.min(255, Math.round(value / scale) + zeroPoint));
  };
  const inByte = new Float64Array(256);
  const binsOfByte = new Float64Array(256);
  let total = 0;
  counts.forEach((count, bin) => {
    // Zeros are exact in any range, and would outweigh all else after a ReLU.
    if (count === 0 || bin === counts.length / 2) return;
    const value = histogram.edge(bin);
    const inside = value >= range.min && value <= range.max;
    const byte = byteOf(bin);
    inByte[byte] = (inByte[byte] ?? 0) + (inside ? count : 0);
    binsOfByte[byte] = (binsOfByte[byte] ?? 0) + 1;
    total += count;
  });
  const inside = inByte.reduce((sum, count) => sum + count, 0);
  if (inside === 0 || total === 0) return Infinity;
  let sum = 0;
  counts.forEach((count, bin) => {
    if (count === 0 || bin === counts.length / 2) return;
    const byte = byteOf(bin);
    const spread = (inByte[byte] ?? 0) / Math.max(1, binsOfByte[byte] ?? 1);
    sum += (count / total) * Math.log(count / total / Math.max(spread / inside, 1e-12));
  });
  return sum;
}
