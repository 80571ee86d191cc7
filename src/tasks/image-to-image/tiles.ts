import type { Region, Size } from '../../imaging/geometry';
import { requireEncodable } from '../../imaging/encode';
import { ServingError } from '../../kernel/errors';
import type { Semaphore } from '../../kernel/semaphore';
import type { Tensor } from '../../kernel/tensor';
import { inSlices } from '../../kernel/time-slices';
import {
  pictureShape,
  toImageSteps,
  type GeneratedImageOptions,
} from '../../outputs/generated-image';
import { encodePicture } from '../encode-picture';
import type { ImageInputSpec, PictureWish, TiledImage, TileJoiner, TilePlan } from '../task';
import { seamsOf } from './seams';
import { layTiles, leastCommonMultiple, scaled, scaleOf, type Scale } from './tile-axis';
import { TileCanvas } from './tile-canvas';
import type { TilingSettings } from './tiling-config';

interface TileRun {
  readonly tiling: TilingSettings;
  readonly input: ImageInputSpec;
  /** How the output of a tile becomes pixels. */
  readonly output: GeneratedImageOptions;
  readonly wish: PictureWish;
  readonly imaging: Semaphore;
}

/**
 * How an image is run in tiles.
 * @returns undefined where one run takes it
 * @throws ServingError IMAGE_SIZE_NOT_ALLOWED when a side is too short
 */
export function tilesOf(image: Size, run: TileRun): TiledImage | undefined {
  const { size } = run.input;
  const { width, height } = image;
  if (size.kind === 'fixed' || Math.max(width, height) <= size.maxSize) return undefined;
  if (Math.min(width, height) < size.minSize) {
    throw new ServingError(
      'IMAGE_SIZE_NOT_ALLOWED',
      `The image is ${width}×${height}; the model takes sides of at least ${size.minSize} pixels`,
    );
  }
  const { tiling } = run;
  const first = {
    left: 0,
    top: 0,
    width: layTiles(width, tiling).length,
    height: layTiles(height, tiling).length,
  };
  return {
    first,
    maxInFlight: tiling.maxInFlight,
    plan: (output) => planTiles(image, first, output, run),
  };
}

function planTiles(image: Size, first: Region, output: Tensor, run: TileRun): TilePlan {
  const made = pictureShape(output, run.output.layout);
  const across = scaleOf(first.width, made.width);
  const down = scaleOf(first.height, made.height);
  if (across === undefined || down === undefined) {
    throw new ServingError(
      'IMAGE_SIZE_NOT_ALLOWED',
      `The image is ${image.width}×${image.height} and has to be run in tiles, which this model's cannot be joined: it made ${made.width}×${made.height} of ${first.width}×${first.height} pixels`,
    );
  }
  const size = { width: scaled(image.width, across), height: scaled(image.height, down) };
  requireEncodable(size, run.wish.format);
  const { overlap } = run.tiling;
  const columns = axisOf(image.width, across, run.tiling);
  const rows = axisOf(image.height, down, run.tiling);
  const regions = rows.starts.flatMap((top) =>
    columns.starts.map((left) => ({ left, top, width: columns.length, height: rows.length })),
  );
  const spans = {
    columns: seamsOf(columns, across, overlap, size.width),
    rows: seamsOf(rows, down, overlap, size.height),
  };
  const { channels } = made;
  return {
    regions,
    size,
    bytes: size.width * size.height * channels,
    join: () => joinerOf(new TileCanvas(size, channels, spans), made, run),
  };
}

/** Tiles begin where the output has a whole pixel. */
function axisOf(side: number, { denominator }: Scale, tiling: TilingSettings) {
  const multipleOf = leastCommonMultiple(tiling.multipleOf, denominator);
  return layTiles(side, { ...tiling, multipleOf });
}

function joinerOf(canvas: TileCanvas, made: Size, run: TileRun): TileJoiner {
  let next = 0;
  return {
    add: async (output, signal) => {
      const tile = await inSlices(toImageSteps(output, run.output), signal);
      const { width, height, channels } = tile;
      if (width !== made.width || height !== made.height || channels !== canvas.channels) {
        throw new ServingError(
          'INFERENCE_FAILED',
          `The model answered ${width}×${height} pixels of ${channels} channels for one tile and ${made.width}×${made.height} of ${canvas.channels} for the first`,
        );
      }
      await inSlices(canvas.draw(next, tile), signal);
      next += 1;
    },
    answer: () =>
      run.imaging.run(async () => {
        const channels = canvas.channels === 1 ? 1 : 3;
        const picture = await encodePicture(canvas.pixels, { ...canvas.size, channels }, run.wish);
        return { data: {}, picture };
      }),
  };
}
