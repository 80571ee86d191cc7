import { z } from 'zod';

import type { ImageInputSpec, Notes } from '../task';
import { roundUp, type TileSettings } from './tile-axis';

/** Pixels that neighbouring tiles share where model.json does not say. */
const DEFAULT_OVERLAP = 64;
/** A default overlap takes at most this share of a tile. */
const MAX_OVERLAP_SHARE = 1 / 4;

/** What model.json may say of tiles. */
export const tilingConfigSchema = z
  .union([
    z.literal(false),
    z
      .strictObject({
        size: z
          .number()
          .int()
          .min(8)
          .max(16_384)
          .describe('Pixels of the sides of a tile; default: `input.dynamic.maxSize`'),
        overlap: z
          .number()
          .int()
          .min(0)
          .max(8192)
          .describe(
            'Pixels that neighbouring tiles share, at most half a tile; the middle third is blended, the outer ones are left out; default 64, at most a quarter of a tile',
          ),
        maxInFlight: z
          .number()
          .int()
          .min(1)
          .max(1024)
          .describe(
            'Tiles of one image that are queued or run at once, each on a place in the queue; default: two for each instance',
          ),
      })
      .partial(),
  ])
  .describe(
    'How images larger than `input.dynamic.maxSize` are run: in overlapping tiles; false: they are refused, as models need that look at the picture as a whole',
  );

/** Undefined: images larger than the model takes are refused. */
export interface TilingSettings extends TileSettings {
  readonly maxInFlight: number | undefined;
}

/** What is known of the tiles of a model; contradictions are noted. */
export function resolveTiling(
  config: z.infer<typeof tilingConfigSchema> | undefined,
  image: ImageInputSpec | undefined,
  notes: Notes,
): TilingSettings | undefined {
  if (config === false) return undefined;
  if (image?.size.kind !== 'dynamic') {
    if (config !== undefined) {
      notes.problem(
        'model.json.tiling: the model takes images of one size, and they are brought to it; only models with input.dynamic run tiles',
      );
    }
    return undefined;
  }
  const { minSize, maxSize, multipleOf } = image.size;
  const size = config?.size ?? Math.floor(maxSize / multipleOf) * multipleOf;
  const fallback = Math.min(DEFAULT_OVERLAP, Math.floor(size * MAX_OVERLAP_SHARE));
  const overlap = config?.overlap ?? fallback;
  if (size % multipleOf !== 0) {
    notes.problem(
      `model.json.tiling.size: ${size} is not a multiple of ${multipleOf} (input.dynamic.multipleOf)`,
    );
  }
  if (config?.size !== undefined && (size < minSize || size > maxSize)) {
    notes.problem(
      `model.json.tiling.size: ${size}, and the model takes sides from ${minSize} to ${maxSize} pixels (input.dynamic)`,
    );
  }
  if (roundUp(overlap, multipleOf) > size / 2) {
    // By default a model of few sizes is not tiled; one that says so has to be right.
    if (config === undefined) return undefined;
    notes.problem(
      `model.json.tiling.overlap: ${overlap}${multipleOf > 1 ? `, rounded up to a multiple of ${multipleOf},` : ''} is more than half of a tile of ${size} pixels`,
    );
  }
  return { size, overlap, multipleOf, maxInFlight: config?.maxInFlight };
}
