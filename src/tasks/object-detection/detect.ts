import { toOriginal } from '../../imaging/original-place';
import type { Steps } from '../../kernel/time-slices';
import type { FedPicture } from '../fed-picture';
import type { Box } from './boxes';
import { readCandidates, type DetectionTensors } from './candidates';
import type { DetectionSettings } from './settings';
import { suppress } from './suppress';

export interface Detection {
  /** From the labels file; the index as text where there is none. */
  readonly label: string;
  readonly index: number;
  readonly score: number;
  /** Whole pixels of the upright original. */
  readonly box: Box;
}

export interface DetectOptions {
  readonly settings: DetectionSettings;
  readonly threshold: number;
  readonly labels: readonly string[] | undefined;
}

/**
 * What is in one picture, by falling score; boxes are cut at its edges, and what lies beyond them
 * is left out.
 * @throws ServingError as `readCandidates`
 */
export function* detect(
  tensors: DetectionTensors,
  picture: FedPicture,
  { settings, threshold, labels }: DetectOptions,
): Steps<Detection[]> {
  const candidates = yield* readCandidates(tensors, settings, threshold);
  const { nms, maxDetections } = settings;
  const kept = nms === undefined ? candidates : yield* suppress(candidates, nms, 2 * maxDetections);
  const detections: Detection[] = [];
  for (const { box, index, score } of kept) {
    if (detections.length === maxDetections) break;
    const shown = inOriginal(box, settings.units, picture);
    if (shown === undefined) continue;
    detections.push({ label: labels?.[index] ?? String(index), index, score, box: shown });
  }
  return detections;
}

/** Undefined when nothing of it is in the picture. */
function inOriginal(
  box: Box,
  units: DetectionSettings['units'],
  { placement, fed, original }: FedPicture,
): Box | undefined {
  const [scaleX, scaleY] = units === 'relative' ? [fed.width, fed.height] : [1, 1];
  const from = toOriginal(placement, { x: box.xmin * scaleX, y: box.ymin * scaleY });
  const to = toOriginal(placement, { x: box.xmax * scaleX, y: box.ymax * scaleY });
  const within = (value: number, most: number): number =>
    Math.min(most, Math.max(0, Math.round(value)));
  const shown = {
    xmin: within(from.x, original.width),
    ymin: within(from.y, original.height),
    xmax: within(to.x, original.width),
    ymax: within(to.y, original.height),
  };
  return shown.xmax > shown.xmin && shown.ymax > shown.ymin ? shown : undefined;
}
