import type { Region, Size } from './geometry';
import type { LibvipsKernel } from './preprocess-spec';
import { pipelineOf, type RgbPicture } from './rgb-picture';

/** Pixels that bicubic interpolation reads beyond one that lies at most half a pixel outside. */
const MARGIN = 2;

/** From this side on the margin, enlarged as well, is no more than the picture itself. */
const LEAST_SIDE = 2 * MARGIN;

/**
 * Enlarges in both directions, or leaves a side as it is, with the centres of input and output
 * aligned: output pixel k shows what is at (k + 0.5) / scale - 0.5, as PIL and tf.image have it.
 * libvips's own resize is half an output pixel off when it enlarges (libvips/libvips#4841), while its
 * affine transformation takes an offset. Interpolates as that resize does: linearly for `linear`,
 * with Catmull-Rom splines for the others.
 * @param target no side smaller than the picture's
 */
export async function enlarge(
  picture: RgbPicture,
  target: Size,
  kernel: LibvipsKernel,
): Promise<RgbPicture> {
  const first = {
    width: firstSide(picture.width, target.width),
    height: firstSide(picture.height, target.height),
  };
  if (first.width > picture.width || first.height > picture.height) {
    return enlarge(await enlargeOnce(picture, first, kernel), target, kernel);
  }
  return enlargeOnce(picture, target, kernel);
}

/** A picture of a few pixels is enlarged in two steps: in one its margin would be many times the output. */
function firstSide(side: number, target: number): number {
  return side < LEAST_SIDE ? Math.min(target, side * LEAST_SIDE) : side;
}

async function enlargeOnce(
  picture: RgbPicture,
  target: Size,
  kernel: LibvipsKernel,
): Promise<RgbPicture> {
  const across = placeOnGrid(picture.width, target.width);
  const down = placeOnGrid(picture.height, target.height);
  const { data, info } = await pipelineOf(withMargin(picture))
    .affine([across.scale, 0, 0, down.scale], {
      odx: across.offset,
      ody: down.offset,
      interpolator: kernel === 'linear' ? 'bilinear' : 'bicubic',
    })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const region = { left: across.skipped, top: down.skipped, ...target };
  return { data: cut({ data, width: info.width, height: info.height }, region), ...target };
}

/**
 * Where the enlarged side begins. libvips puts pixel i of what it is given at i × scale + offset, and
 * the output begins at 0 as long as the offset is not above 0.
 */
function placeOnGrid(
  side: number,
  target: number,
): { readonly scale: number; readonly offset: number; readonly skipped: number } {
  const scale = target / side;
  // Of output pixel 0: the first pixel's left edge is half a pixel before its centre, on both sides.
  const position = MARGIN * scale + 0.5 - 0.5 * scale;
  const skipped = Math.floor(position);
  return { scale, offset: skipped - position, skipped };
}

/** Repeats the pixels at the edges outwards, so that no other colour comes in from there. */
function withMargin({ data, width, height }: RgbPicture): RgbPicture {
  const wide = width + 2 * MARGIN;
  const out = new Uint8Array(wide * (height + 2 * MARGIN) * 3);
  const rowBytes = width * 3;
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * rowBytes, (y + 1) * rowBytes);
    const start = (y + MARGIN) * wide * 3;
    out.set(row, start + MARGIN * 3);
    for (let x = 0; x < MARGIN; x++) {
      out.set(row.subarray(0, 3), start + x * 3);
      out.set(row.subarray(rowBytes - 3), start + (MARGIN + width + x) * 3);
    }
  }
  const outRow = wide * 3;
  for (let y = 0; y < MARGIN; y++) {
    out.copyWithin(y * outRow, MARGIN * outRow, (MARGIN + 1) * outRow);
    const last = (MARGIN + height - 1) * outRow;
    out.copyWithin(last + (y + 1) * outRow, last, last + outRow);
  }
  return { data: out, width: wide, height: height + 2 * MARGIN };
}

function cut(picture: RgbPicture, { left, top, width, height }: Region): Uint8Array {
  if (left + width > picture.width || top + height > picture.height) {
    throw new Error(
      `enlarged to ${picture.width}×${picture.height}, too little for ${width}×${height} at ${left},${top}`,
    );
  }
  const out = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * picture.width + left) * 3;
    out.set(picture.data.subarray(from, from + width * 3), y * width * 3);
  }
  return out;
}
