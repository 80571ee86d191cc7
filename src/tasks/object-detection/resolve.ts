import type { TensorSpec } from '../../kernel/tensor';
import { describeTensors } from '../output-names';
import type { ModelFacts, Notes } from '../task';
import type { DetectionConfig, DetectionSettings } from './settings';

/** A tensor's role in a detector. */
type Role = 'boxes' | 'scores' | 'classes' | 'count';

type Roles = Readonly<Partial<Record<Role, TensorSpec | undefined>>>;

/** Names that exporters give the outputs, in order of preference: TensorFlow's Object Detection API first. */
const KNOWN: Readonly<Record<Role, readonly string[]>> = {
  boxes: ['detection_boxes', 'boxes', 'bboxes'],
  scores: ['detection_scores', 'scores', 'confidence', 'confidences'],
  classes: ['detection_classes', 'classes', 'labels', 'class_ids'],
  count: ['num_detections', 'valid_detections', 'count'],
};

/** Counted from 1, as the label maps of the Object Detection API do; 0 is its background. */
const COUNTED_FROM_ONE = 'detection_classes';

/** The outputs whose names tell a detector; undefined when boxes or scores are missing. */
export function knownRoles(outputs: readonly TensorSpec[]): Roles | undefined {
  const find = (role: Role): TensorSpec | undefined =>
    KNOWN[role]
      .map((name) => outputs.find((output) => output.name === name))
      .find((output) => output !== undefined);
  const roles = { boxes: find('boxes'), scores: find('scores') };
  if (roles.boxes === undefined || roles.scores === undefined) return undefined;
  if (roles.boxes.shape !== undefined && roles.boxes.shape.at(-1) !== 4) return undefined;
  const [classes, count] = [find('classes'), find('count')];
  return { ...roles, ...(classes && { classes }), ...(count && { count }) };
}

/** What is known of a detector; contradictions are noted. */
export function resolveDetection(
  { signature: { outputs } }: ModelFacts,
  config: DetectionConfig,
  notes: Notes,
): DetectionSettings | undefined {
  const known: Roles = knownRoles(outputs) ?? {};
  const given = config.outputs ?? {};
  const pick = (role: Role): TensorSpec | undefined => {
    const said = given[role];
    const wanted = typeof said === 'object' ? said.name : said;
    if (wanted === undefined) return known[role];
    const found = outputs.find(({ name }) => name === wanted);
    if (found === undefined) {
      notes.problem(
        `model.json.outputs.${role}: there is no tensor "${wanted}"; the signature has ${describeTensors(outputs)}`,
      );
    }
    return found;
  };
  const [boxes, scores, classes, count] = (['boxes', 'scores', 'classes', 'count'] as const).map(
    pick,
  );
  if (boxes === undefined || scores === undefined) {
    notes.problem(
      `the task object-detection needs outputs with boxes and scores; say which in model.json.outputs, as the signature has ${describeTensors(outputs)}`,
    );
    return undefined;
  }
  requireShapes({ boxes, scores, classes }, notes);
  const box = typeof given.boxes === 'object' ? given.boxes : {};
  const score = typeof given.scores === 'object' ? given.scores : {};
  const kind = typeof given.classes === 'object' ? given.classes : {};
  const format =
    box.format ?? (boxes.name === 'boxes' || boxes.name === 'bboxes' ? 'xyxy' : 'yxyx');
  const units = box.units ?? 'relative';
  const classOffset = kind.offset ?? (classes?.name === COUNTED_FROM_ONE ? 1 : 0);
  if (box.format === undefined) notes.assumption(`outputs.boxes.format: ${format}`);
  if (box.units === undefined) notes.assumption(`outputs.boxes.units: ${units}`);
  if (kind.offset === undefined) {
    notes.assumption(`outputs.classes.offset: ${classOffset}, the number of the first label`);
  }
  const nms = config.nms ?? (classes === undefined ? { iou: 0.5 } : false);
  return {
    boxes: boxes.name,
    scores: scores.name,
    classes: classes?.name,
    count: count?.name,
    format,
    units,
    activation: score.activation ?? 'none',
    classOffset,
    threshold: config.threshold ?? 0.5,
    maxDetections: config.maxDetections ?? 100,
    nms: nms === false ? undefined : nms.iou,
  };
}

function requireShapes(
  roles: Readonly<Record<'boxes' | 'scores', TensorSpec>> & {
    readonly classes: TensorSpec | undefined;
  },
  notes: Notes,
): void {
  const { boxes, scores, classes } = roles;
  const fits = ({ shape }: TensorSpec, ranks: readonly number[]): boolean =>
    shape === undefined || ranks.includes(shape.length);
  if (!fits(boxes, [3]) || (boxes.shape !== undefined && boxes.shape.at(-1) !== 4)) {
    notes.problem(
      `model.json.outputs.boxes: boxes are [rows, boxes, 4], and this is ${describeTensors([boxes])}`,
    );
  }
  if (!fits(scores, classes === undefined ? [2, 3] : [2])) {
    notes.problem(
      `model.json.outputs.scores: scores are [rows, boxes]${classes === undefined ? ' or [rows, boxes, classes]' : ''}, and this is ${describeTensors([scores])}`,
    );
  }
  if (classes !== undefined && !fits(classes, [2])) {
    notes.problem(
      `model.json.outputs.classes: classes are [rows, boxes], and this is ${describeTensors([classes])}`,
    );
  }
}
