import type { Region, Size } from '../../imaging/geometry';
import type { Steps } from '../../kernel/time-slices';

/** One byte for each pixel. */
export interface Plane extends Size {
  readonly values: Uint8Array;
}

/**
 * A part of a plane at another size, laid into a larger one that is filled with `outside`. Centres are
 * aligned, as PIL and tf.image have it: pixel k of the result shows what is at (k + 0.5) / scale − 0.5.
 * @param part of the plane, in whole pixels
 * @param into where it goes in the result
 * @param result size of the result
 * @param kernel `linear` for values that lie between others, `nearest` for indices
 */
export function* resample(
  { values, width }: Plane,
  part: Region,
  into: Region,
  result: Size,
  { kernel, outside }: { readonly kernel: 'linear' | 'nearest'; readonly outside: number },
): Steps<Uint8Array> {
  const out = new Uint8Array(result.width * result.height).fill(outside);
  const columns = samples(part.width, into.width);
  const rows = samples(part.height, into.height);
  const row = new Float64Array(part.width);
  for (let y = 0; y < into.height; y++) {
    const rowShare = rows.share[y] ?? 0;
    const upper = (part.top + (rows.first[y] ?? 0)) * width + part.left;
    const lower = (part.top + (rows.second[y] ?? 0)) * width + part.left;
    const start = (into.top + y) * result.width + into.left;
    if (kernel === 'nearest') {
      const nearer = rowShare < 0.5 ? upper : lower;
      for (let x = 0; x < into.width; x++) {
        const column = (columns.share[x] ?? 0) < 0.5 ? columns.first[x] : columns.second[x];
        out[start + x] = values[nearer + (column ?? 0)] ?? 0;
      }
    } else {
      // Down first, as wide as the part is, then across: two mixtures a pixel rather than three.
      for (let x = 0; x < part.width; x++) {
        const above = values[upper + x] ?? 0;
        row[x] = above + ((values[lower + x] ?? 0) - above) * rowShare;
      }
      for (let x = 0; x < into.width; x++) {
        const left = row[columns.first[x] ?? 0] ?? 0;
        const right = row[columns.second[x] ?? 0] ?? 0;
        out[start + x] = left + (right - left) * (columns.share[x] ?? 0) + 0.5;
      }
    }
    yield;
  }
  return out;
}

/** Between which two of `from` pixels each of `to` lies, and how near the second. */
function samples(
  from: number,
  to: number,
): { readonly first: Int32Array; readonly second: Int32Array; readonly share: Float64Array } {
  const [first, second] = [new Int32Array(to), new Int32Array(to)];
  const share = new Float64Array(to);
  for (let k = 0; k < to; k++) {
    const at = Math.min(from - 1, Math.max(0, ((k + 0.5) * from) / to - 0.5));
    first[k] = Math.floor(at);
    second[k] = Math.min(from - 1, Math.floor(at) + 1);
    share[k] = at - Math.floor(at);
  }
  return { first, second, share };
}
