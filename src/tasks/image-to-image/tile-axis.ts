/** How tiles lie along one side of a picture. */
export interface TileAxis {
  /** Pixels of the side, padding included. */
  readonly padded: number;
  /** Pixels of each tile: all are equally long, so that they can share batches. */
  readonly length: number;
  /** First pixel of each; ascending. */
  readonly starts: readonly number[];
}

/** What tiles of a model are like. */
export interface TileSettings {
  /** Pixels of the sides of a tile; a multiple of `multipleOf`. */
  readonly size: number;
  /** Pixels that neighbours share at least; at most half of `size`. */
  readonly overlap: number;
  /** Tiles begin at multiples of it, and sides are padded to one. */
  readonly multipleOf: number;
}

/**
 * Lays as few tiles along a side as their overlap allows, evenly: the last ends with the side. A side
 * shorter than a tile has one of its own length.
 * @param side in pixels, at least 1
 */
export function layTiles(side: number, { size, overlap, multipleOf }: TileSettings): TileAxis {
  const padded = roundUp(side, multipleOf);
  const length = Math.min(size, padded);
  if (length === padded) return { padded, length, starts: [0] };
  const stride = Math.max(multipleOf, length - roundUp(overlap, multipleOf));
  const gaps = Math.ceil((padded - length) / stride);
  const starts = Array.from(
    { length: gaps + 1 },
    (_, index) => Math.round((index * (padded - length)) / gaps / multipleOf) * multipleOf,
  );
  return { padded, length, starts };
}

/** By what a model enlarges a side, in lowest terms: 2/1 doubles it. */
export interface Scale {
  readonly numerator: number;
  readonly denominator: number;
}

/** Models that cut off a border instead of scaling have larger ones. */
const MAX_DENOMINATOR = 8;

/**
 * The scale of a model that made `to` pixels of `from`.
 * @returns undefined where it does not scale by a simple fraction, so that tiles would not meet
 */
export function scaleOf(from: number, to: number): Scale | undefined {
  const divisor = greatestCommonDivisor(from, to);
  const scale = { numerator: to / divisor, denominator: from / divisor };
  return to > 0 && scale.denominator <= MAX_DENOMINATOR ? scale : undefined;
}

export function scaled(pixels: number, { numerator, denominator }: Scale): number {
  return Math.round((pixels * numerator) / denominator);
}

export function leastCommonMultiple(a: number, b: number): number {
  return (a / greatestCommonDivisor(a, b)) * b;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

export function roundUp(value: number, multipleOf: number): number {
  return Math.ceil(value / multipleOf) * multipleOf;
}
