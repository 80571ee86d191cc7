import { ServingError } from '../../kernel/errors';
import { isBigData } from '../../kernel/element-types';
import { formatShape, isByteStrings, numbersOf, type Tensor } from '../../kernel/tensor';
import type { Steps } from '../../kernel/time-slices';
import { readBox } from './boxes';
import type { DetectionSettings } from './settings';
import type { Candidate } from './suppress';

/** Candidates looked at between two pauses. */
const STEP = 4096;
/** Of these at most, the best, overlaps are sought: an untrained model sees something everywhere. */
const MAX_CANDIDATES = 5000;

/** Outputs of one picture, by role. */
export interface DetectionTensors {
  /** [1, boxes, 4] */
  readonly boxes: Tensor;
  /** [1, boxes], or [1, boxes, classes] or [1, classes, boxes] without `classes` */
  readonly scores: Tensor;
  /** [1, boxes] */
  readonly classes?: Tensor | undefined;
  /** [1]: how many boxes are meant */
  readonly count?: Tensor | undefined;
}

/**
 * What a model saw with at least the threshold's score, by falling score. Boxes are as the model gives
 * them.
 * @throws ServingError INFERENCE_FAILED for outputs that do not fit each other, or are not numbers
 */
export function* readCandidates(
  tensors: DetectionTensors,
  settings: DetectionSettings,
  threshold: number,
): Steps<Candidate[]> {
  const boxes = plainNumbers(tensors.boxes);
  const scores = plainNumbers(tensors.scores);
  const classes = tensors.classes === undefined ? undefined : plainNumbers(tensors.classes);
  const given = boxes.length / 4;
  const perBox = given === 0 ? 1 : scores.length / given;
  if (!Number.isInteger(given) || !Number.isInteger(perBox) || tensors.boxes.shape.at(-1) !== 4) {
    throw unfit(tensors);
  }
  if (classes !== undefined && (perBox !== 1 || classes.length !== given)) throw unfit(tensors);
  const counted = tensors.count === undefined ? given : (plainNumbers(tensors.count)[0] ?? 0);
  const count = Math.max(0, Math.min(given, Math.round(counted)));
  // [1, classes, boxes]: the boxes come last.
  const [, second] = tensors.scores.shape;
  const byClass = tensors.scores.shape.length === 3 && second === perBox && perBox !== given;
  const { format, classOffset, activation } = settings;
  let found: Candidate[] = [];
  for (let box = 0; box < count; box++) {
    for (let column = 0; column < perBox; column++) {
      const raw = scores[byClass ? column * given + box : box * perBox + column] ?? NaN;
      const score = activation === 'sigmoid' ? 1 / (1 + Math.exp(-raw)) : raw;
      if (Number.isNaN(score)) throw notNumbers('scores');
      if (score < threshold) continue;
      const index =
        (classes === undefined ? column : Math.round(classes[box] ?? NaN)) - classOffset;
      // Such as the background, which is nothing.
      if (index < 0) continue;
      found.push({ box: readBox(boxes, box, format), index, score });
    }
    if (found.length > 4 * MAX_CANDIDATES) found = best(found);
    if (box % STEP === 0) yield;
  }
  if (found.some(({ box, index }) => !Object.values({ ...box, index }).every(Number.isFinite))) {
    throw notNumbers('boxes');
  }
  return best(found);
}

/** Sorting is stable: equals stay in the model's order. */
function best(found: readonly Candidate[]): Candidate[] {
  return found.toSorted((a, b) => b.score - a.score).slice(0, MAX_CANDIDATES);
}

function plainNumbers(tensor: Tensor): ArrayLike<number> {
  if (isByteStrings(tensor.data)) {
    const { name, dtype } = tensor;
    throw new ServingError('INFERENCE_FAILED', `The model answered "${name}" of type ${dtype}`);
  }
  const numbers = numbersOf(tensor);
  return isBigData(numbers) ? Float64Array.from<bigint>(numbers, Number) : numbers;
}

function unfit({ boxes, scores, classes }: DetectionTensors): ServingError {
  const shapes = [boxes, scores, ...(classes === undefined ? [] : [classes])].map(
    ({ name, shape }) => `"${name}" ${formatShape(shape)}`,
  );
  return new ServingError(
    'INFERENCE_FAILED',
    `The model answered ${shapes.join(', ')}, which do not fit each other as boxes, scores and classes`,
  );
}

function notNumbers(what: string): ServingError {
  return new ServingError('INFERENCE_FAILED', `The model answered ${what} that are not numbers`);
}
