import { uniformStream } from './philox';

/** How noise is distributed. */
export type NoiseDraw =
  | {
      readonly distribution: 'normal';
      readonly mean: number;
      readonly stddev: number;
      /** Deviations beyond which a number is drawn again; undefined: none. */
      readonly truncate: number | undefined;
    }
  | { readonly distribution: 'uniform'; readonly minimum: number; readonly maximum: number };

/** Seeds fit an int32. */
export const MAX_SEED = 2 ** 31 - 1;

/**
 * Noise of one row. The same seed gives the same numbers, on every machine and whatever the row runs
 * together with: Philox4x32-10 (philox.ts) with the seed and the stream as its key, and for normal noise
 * the transform of G. E. P. Box and M. E. Muller: A Note on the Generation of Random Normal Deviates
 * (1958), https://doi.org/10.1214/aoms/1177706645.
 * @param seed from 0 to MAX_SEED
 * @param stream tells inputs of one request from each other
 */
export function drawNoise(
  draw: NoiseDraw,
  count: number,
  seed: number,
  stream: number,
): Float64Array {
  const values = new Float64Array(count);
  const uniform = uniformStream(seed, stream);
  if (draw.distribution === 'uniform') {
    const { minimum, maximum } = draw;
    for (let i = 0; i < count; i++) values[i] = minimum + uniform() * (maximum - minimum);
    return values;
  }
  const { mean, stddev, truncate = Infinity } = draw;
  const normal = normalStream(uniform);
  for (let i = 0; i < count; i++) {
    let deviation = normal();
    while (Math.abs(deviation) > truncate) deviation = normal();
    values[i] = mean + deviation * stddev;
  }
  return values;
}

/** Standard normal numbers: two of each pair of uniform ones. */
function normalStream(uniform: () => number): () => number {
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const second = spare;
      spare = undefined;
      return second;
    }
    const radius = Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

/** The seed of the picture at a place of a request. */
export function seedAt(seed: number, place: number): number {
  return (seed + place) % (MAX_SEED + 1);
}
