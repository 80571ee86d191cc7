import type { TensorSpec } from '../../kernel/tensor';
import { chooseOutput, describeTensors } from '../output-names';
import type { ModelFacts, Notes } from '../task';
import type { SegmentationConfig, SegmentationSettings } from './settings';

/** Names that exporters give a mask. */
const MASK_NAMES =
  /^(masks?|segmentation(_(masks?|logits|map))?|logits_?mask|semantic(_predictions)?|SemanticPredictions)$/i;
const WHOLE_NUMBERS = ['int32', 'int64', 'uint8', 'bool'];

/** The output that is called a mask and may be one. */
export function knownMask(outputs: readonly TensorSpec[]): TensorSpec | undefined {
  return outputs.find(
    ({ name, shape }) => MASK_NAMES.test(name) && (shape?.length === 3 || shape?.length === 4),
  );
}

/** What is known of a segmentation; contradictions are noted. */
export function resolveSegmentation(
  { signature: { outputs }, labels }: ModelFacts,
  config: SegmentationConfig,
  notes: Notes,
): SegmentationSettings | undefined {
  const said = config.outputs?.mask;
  const given = typeof said === 'object' ? said : { name: said };
  const wanted = given.name ?? knownMask(outputs)?.name;
  const output = chooseOutput(wanted, outputs, 'model.json.outputs.mask', notes);
  if (output === undefined) return undefined;
  const { shape, dtype } = output;
  if (shape !== undefined && shape.length !== 3 && shape.length !== 4) {
    notes.problem(
      `model.json.outputs.mask: a mask is [rows, height, width, classes] or [rows, height, width], and this is ${describeTensors([output])}`,
    );
    return undefined;
  }
  const layout = given.layout ?? 'NHWC';
  const classes = shape?.length === 3 ? 1 : (shape?.[layout === 'NHWC' ? 3 : 1] ?? -1);
  const isIndices = WHOLE_NUMBERS.includes(dtype ?? '');
  if (isIndices && classes > 1) {
    notes.problem(
      `model.json.outputs.mask: indices of classes have one channel, and this is ${describeTensors([output])}`,
    );
  }
  const kind = isIndices ? 'indices' : classes === 1 ? 'probability' : 'scores';
  const activation = given.activation ?? 'none';
  if (given.activation === undefined && !isIndices) {
    notes.assumption('outputs.mask.activation: none, the mask holds probabilities');
  }
  if (activation !== 'none' && isIndices) {
    notes.problem('model.json.outputs.mask.activation: indices of classes have none');
  }
  if ((activation === 'sigmoid') !== (kind === 'probability') && activation !== 'none') {
    notes.problem(
      `model.json.outputs.mask.activation: ${activation} does not go with ${classes} ${classes === 1 ? 'class' : 'classes'}; one class takes sigmoid, several take softmax`,
    );
  }
  if (labels !== undefined && classes > 0 && !isIndices && labels.length !== classes) {
    notes.problem(
      `model.json.labels: ${labels.length} labels, and output "${output.name}" has ${classes} ${classes === 1 ? 'class' : 'classes'}`,
    );
  }
  const hasBackground = kind !== 'probability' && /^_*background_*$/i.test(labels?.[0] ?? '');
  const background = config.background ?? (hasBackground ? 0 : false);
  return {
    mask: output.name,
    kind,
    activation,
    layout,
    threshold: config.threshold ?? 0.5,
    background: background === false ? undefined : background,
  };
}
