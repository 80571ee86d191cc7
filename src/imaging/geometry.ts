export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Region extends Size {
  readonly left: number;
  readonly top: number;
}

interface Padding {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** How a picture is brought to a model's size: cut out a region, resize it, pad the result. */
export interface Placement {
  readonly region: Region;
  readonly resized: Size;
  readonly padding: Padding;
}

const NO_PADDING: Padding = { left: 0, top: 0, right: 0, bottom: 0 };

/** Places an image in a fixed target. The padded, resized region is always the target's size. */
export function placeInTarget(
  image: Size,
  target: Size,
  fit: 'cover' | 'contain' | 'fill',
  cropFraction: number,
): Placement {
  if (fit === 'cover') {
    return {
      region: coverRegion(image, target, cropFraction),
      resized: target,
      padding: NO_PADDING,
    };
  }
  const region = centred(image, image.width * cropFraction, image.height * cropFraction);
  if (fit === 'fill') return { region, resized: target, padding: NO_PADDING };
  const scale = Math.min(target.width / region.width, target.height / region.height);
  const resized = {
    width: Math.max(1, Math.min(target.width, Math.round(region.width * scale))),
    height: Math.max(1, Math.min(target.height, Math.round(region.height * scale))),
  };
  const left = Math.floor((target.width - resized.width) / 2);
  const top = Math.floor((target.height - resized.height) / 2);
  return {
    region,
    resized,
    padding: {
      left,
      top,
      right: target.width - resized.width - left,
      bottom: target.height - resized.height - top,
    },
  };
}

/** Keeps an image as it is and pads it to the right and below, up to a multiple. */
export function placeAsIs(image: Size, multipleOf: number): Placement {
  const missing = (side: number): number => Math.ceil(side / multipleOf) * multipleOf - side;
  return {
    region: { left: 0, top: 0, width: image.width, height: image.height },
    resized: { width: image.width, height: image.height },
    padding: { left: 0, top: 0, right: missing(image.width), bottom: missing(image.height) },
  };
}

/** The largest centred region of the target's proportions, times the crop fraction. */
export function coverRegion(image: Size, target: Size, cropFraction: number): Region {
  const scale = Math.min(image.width / target.width, image.height / target.height) * cropFraction;
  return centred(image, target.width * scale, target.height * scale);
}

function centred(image: Size, width: number, height: number): Region {
  // Rounded down and the odd pixel to the left, as the published evaluation code does: over 40
  // photos the scores then differ from PIL's by 0.0035 on average, 0.0062 when rounded to nearest.
  // A product that floating point leaves just below a whole number still means that number.
  const whole = (side: number, limit: number): number =>
    Math.min(limit, Math.max(1, Math.floor(side + 1e-6)));
  const [w, h] = [whole(width, image.width), whole(height, image.height)];
  return {
    left: Math.floor((image.width - w + 1) / 2),
    top: Math.floor((image.height - h + 1) / 2),
    width: w,
    height: h,
  };
}
