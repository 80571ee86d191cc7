import type { Placement, Size } from './geometry';

/** A point, in pixels; between pixels too. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * Where a point of the picture that a model was fed lies in the original: bars that were added and what
 * was cut off are undone. What lies in a bar comes out beyond the original's edge.
 * @param point in pixels of the fed picture, padding included
 * @returns in pixels of the upright original
 */
export function toOriginal({ region, resized, padding }: Placement, { x, y }: Point): Point {
  return {
    x: region.left + ((x - padding.left) * region.width) / resized.width,
    y: region.top + ((y - padding.top) * region.height) / resized.height,
  };
}

/**
 * The part of a map that shows the picture and not the bars around it, where the map has a size of its
 * own but covers what the model was fed.
 * @param fed size of what the model was fed, in pixels
 * @returns whole pixels of the map, one at least a side
 */
export function pictureInMap(
  { resized, padding }: Placement,
  fed: Size,
  map: Size,
): { readonly left: number; readonly top: number } & Size {
  const [scaleX, scaleY] = [map.width / fed.width, map.height / fed.height];
  const left = Math.min(map.width - 1, Math.round(padding.left * scaleX));
  const top = Math.min(map.height - 1, Math.round(padding.top * scaleY));
  return {
    left,
    top,
    width: Math.max(1, Math.min(map.width - left, Math.round(resized.width * scaleX))),
    height: Math.max(1, Math.min(map.height - top, Math.round(resized.height * scaleY))),
  };
}
