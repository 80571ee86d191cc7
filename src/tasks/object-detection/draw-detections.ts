import {
  drawText,
  fillRectangle,
  strokeRectangle,
  type PlacedText,
  type TextPixels,
} from '../../imaging/draw';
import type { Region } from '../../imaging/geometry';
import type { RgbPicture } from '../../imaging/rgb-picture';
import { classColour, textOn } from '../class-colours';
import type { Detection } from './detect';

/** A font of a 25th of the shorter side can be read at any size that a picture is shown at. */
const FONT_SHARE = 1 / 25;
const FONT_PIXELS = { least: 11, most: 64 };
/** Longer labels are cut. */
const MAX_LABEL = 40;

/**
 * Draws boxes with labels, the best on top. Boxes and the backgrounds of labels are drawn into the
 * picture; the texts are returned, to be laid on it.
 */
export async function drawDetections(
  picture: RgbPicture,
  detections: readonly Detection[],
): Promise<PlacedText[]> {
  const shorter = Math.min(picture.width, picture.height);
  const font = Math.round(
    Math.min(FONT_PIXELS.most, Math.max(FONT_PIXELS.least, shorter * FONT_SHARE)),
  );
  const stroke = Math.max(2, Math.round(font / 6));
  const texts = await Promise.all(
    detections.map(({ label, index, score }) =>
      drawText(captionOf(label, score), font, textOn(classColour(index))),
    ),
  );
  const worstFirst = detections.map((detection, i) => ({ detection, text: texts[i] })).toReversed();
  return worstFirst.flatMap(({ detection: { box, index }, text }) => {
    const colour = classColour(index);
    const region = {
      left: box.xmin,
      top: box.ymin,
      width: box.xmax - box.xmin,
      height: box.ymax - box.ymin,
    };
    strokeRectangle(picture, region, stroke, colour);
    if (text === undefined) return [];
    const label = labelPlace(picture, region, text, stroke);
    if (label === undefined) return [];
    fillRectangle(picture, label, colour);
    return [{ ...text, left: label.left + stroke, top: label.top + stroke }];
  });
}

function captionOf(label: string, score: number): string {
  const [name = ''] = label.split('\n');
  const short = name.length > MAX_LABEL ? `${name.slice(0, MAX_LABEL - 1)}…` : name;
  return `${short} ${Math.round(score * 100)}%`;
}

/**
 * Above the box where there is room, else inside of it at its top; moved to the left where it would
 * stick out.
 * @returns undefined when it does not fit into the picture at all
 */
function labelPlace(
  picture: RgbPicture,
  box: Region,
  { raw }: TextPixels,
  margin: number,
): Region | undefined {
  const [width, height] = [raw.width + 2 * margin, raw.height + 2 * margin];
  if (width > picture.width || height > picture.height) return undefined;
  const above = box.top - height;
  return {
    left: Math.min(box.left, picture.width - width),
    top: above >= 0 ? above : Math.min(box.top, picture.height - height),
    width,
    height,
  };
}
