import type { Size } from '../../imaging/geometry';
import type { Steps } from '../../kernel/time-slices';
import { rampShare, type TileSpan } from './seams';

/** 8-bit pixels, interleaved. */
interface Pixels extends Size {
  readonly pixels: Uint8Array;
}

/**
 * Joins the outputs of tiles to one picture. They come row by row, each from left to right: rows are joined
 * first, then a row with the one above, so that at a corner all four tiles have their share. Beside
 * the picture only the rows of one ramp are held.
 */
export class TileCanvas {
  readonly size: Size;
  readonly channels: number;
  readonly #columns: readonly TileSpan[];
  readonly #rows: readonly TileSpan[];
  readonly #picture: Uint8Array;
  /** The upper ramp of the row of tiles that is being joined. */
  readonly #band: Uint8Array;

  /** @param size of the picture in pixels */
  constructor(
    size: Size,
    channels: number,
    spans: { readonly columns: readonly TileSpan[]; readonly rows: readonly TileSpan[] },
  ) {
    this.size = size;
    this.channels = channels;
    this.#columns = spans.columns;
    this.#rows = spans.rows;
    this.#picture = new Uint8Array(size.width * size.height * channels);
    const ramp = Math.max(...spans.rows.map((span) => span.ramp));
    this.#band = new Uint8Array(size.width * ramp * channels);
  }

  /** Interleaved; complete once every tile has been drawn. */
  get pixels(): Uint8Array {
    return this.#picture;
  }

  /**
   * @param index of the tile, row by row; the one before it has been drawn
   * @param tile its output
   */
  *draw(index: number, tile: Pixels): Steps<void> {
    const column = this.#columns[index % this.#columns.length];
    const row = this.#rows[Math.floor(index / this.#columns.length)];
    if (column === undefined || row === undefined) throw new RangeError(`no tile ${index}`);
    const lineBytes = this.size.width * this.channels;
    for (let y = row.from; y < row.to; y++) {
      const inRamp = y - row.from;
      const [target, line] =
        inRamp < row.ramp ? [this.#band, inRamp * lineBytes] : [this.#picture, y * lineBytes];
      this.#drawLine(target, line, column, tile, y - row.start);
      yield;
    }
    if (column !== this.#columns.at(-1)) return;
    const last = Math.min(row.ramp, row.to - row.from);
    for (let inRamp = 0; inRamp < last; inRamp++) {
      const to = (row.from + inRamp) * lineBytes;
      const upper = this.#band.subarray(inRamp * lineBytes, (inRamp + 1) * lineBytes);
      mix(this.#picture, to, upper, rampShare(inRamp, row.ramp));
      yield;
    }
  }

  #drawLine(
    target: Uint8Array,
    line: number,
    { start, from, to, ramp }: TileSpan,
    { pixels, width }: Pixels,
    tileLine: number,
  ): void {
    const { channels } = this;
    const source = (tileLine * width - start) * channels;
    const firstWhole = Math.min(to, from + ramp);
    for (let x = from; x < firstWhole; x++) {
      const at = x * channels;
      const pixel = pixels.subarray(source + at, source + at + channels);
      mix(target, line + at, pixel, rampShare(x - from, ramp));
    }
    target.set(
      pixels.subarray(source + firstWhole * channels, source + to * channels),
      line + firstWhole * channels,
    );
  }
}

/** Puts `share` of the new values on what is there. */
function mix(target: Uint8Array, at: number, values: Uint8Array, share: number): void {
  for (let i = 0; i < values.length; i++) {
    const old = target[at + i] ?? 0;
    target[at + i] = Math.round(old + ((values[i] ?? 0) - old) * share);
  }
}
