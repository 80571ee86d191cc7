import { scaled, type Scale, type TileAxis } from './tile-axis';

/**
 * The part of a side of the answer that one tile fills. Within the first `ramp` pixels the tile before
 * it fades out while this one fades in; beyond `to` nothing of it is used.
 */
export interface TileSpan {
  /** Where the output of the tile begins. */
  readonly start: number;
  readonly from: number;
  readonly to: number;
  readonly ramp: number;
}

/** Of the overlap: the outer thirds are left out, as a tile knows least about its edges. */
const RAMP_SHARE = 1 / 3;

/**
 * Where the tiles of a side meet in the answer: in the middle of what they share.
 * @param overlap pixels of the picture that neighbours share at least
 * @param side pixels of the answer; what tiles have beyond it is padding
 */
export function seamsOf(axis: TileAxis, scale: Scale, overlap: number, side: number): TileSpan[] {
  const length = scaled(axis.length, scale);
  const starts = axis.starts.map((start) => scaled(start, scale));
  // A tile has to be done with one neighbour before it begins with the next.
  const betweenSeams = starts.reduce(
    (least, start, index) =>
      Math.min(least, Math.floor((start - (starts[index - 2] ?? -Infinity)) / 2)),
    Infinity,
  );
  const ramp = Math.min(betweenSeams, Math.floor(scaled(overlap, scale) * RAMP_SHARE));
  /** First pixel of the ramp between a tile and the one before it. */
  const meeting = starts.map((start, index) => {
    const before = starts[index - 1];
    return before === undefined ? 0 : Math.floor((start + before + length - ramp) / 2);
  });
  return starts.map((start, index) => {
    const next = meeting[index + 1];
    return {
      start,
      from: meeting[index] ?? 0,
      to: next === undefined ? side : Math.min(side, next + ramp),
      ramp: index === 0 ? 0 : ramp,
    };
  });
}

/** Share of the new tile in the pixel `index` of a ramp: never 0 or 1. */
export function rampShare(index: number, ramp: number): number {
  return (index + 0.5) / ramp;
}
