import { z } from 'zod';

import { wholeNumber } from '../../kernel/whole-number';
import { classify, rankedPredictions, type Prediction } from '../../outputs/classification';
import { eachByteString } from '../../kernel/byte-strings';
import { isByteStrings, type Tensor, type TensorSpec } from '../../kernel/tensor';
import { required } from '../nothing-answered';
import { chooseOutput, describeTensors, mainOutput, nameAndShape } from '../output-names';
import { wholeRun } from '../run-way';
import { defineTask } from '../task';
import { classificationRow } from './row';

/** Predictions that are answered unless model.json or the request says otherwise. */
const DEFAULT_TOP = 5;

const configSchema = z
  .strictObject({
    output: z
      .strictObject({
        name: z.string().min(1).describe('Output of the signature that holds the scores'),
        labels: z.string().min(1).describe('File beside model.json with one label a line'),
        classes: z
          .string()
          .min(1)
          .describe(
            'Output with the labels of the scores as text, as TensorFlow Serving exports them; default: "classes" beside "scores"',
          ),
        activation: z
          .enum(['softmax', 'sigmoid', 'none'])
          .describe('Applied to the scores; default none'),
        topK: z.number().int().min(1).max(100_000).describe('Predictions answered; default 5'),
      })
      .partial(),
  })
  .partial();

export interface ClassificationSettings {
  readonly name: string;
  /** Output with a label for each score; undefined: the labels are known. */
  readonly classes?: string | undefined;
  readonly activation: 'softmax' | 'sigmoid' | 'none';
  readonly topK: number;
}

const parameters = z.object({
  top: wholeNumber(1, 100_000)
    .optional()
    .meta({ description: 'Predictions to answer; default: `output.topK` of the model, else 5' }),
});

const predictionSchema = z
  .object({
    label: z.string().describe('From the labels file; the index as text where there is none'),
    index: z.number().int().min(0),
    score: z.number(),
  })
  .meta({ id: 'Prediction' });

/** Labels for a picture. */
export const imageClassification = defineTask<ClassificationSettings, z.infer<typeof parameters>>({
  name: 'image-classification',
  verb: 'classify',
  summary: 'Labels for images',
  pictures: 'never',
  view: 'bars',
  config: configSchema,
  parameters,
  defaults: ({ topK }) => ({ top: topK }),
  result: z
    .object({ predictions: z.array(predictionSchema).describe('By falling score') })
    .meta({ id: 'ClassifiedImage' }),

  row: classificationRow,

  example: {
    model: 'efficientnet-lite0',
    data: {
      predictions: [
        { label: 'espresso', index: 967, score: 0.9547621087503385 },
        { label: 'cup', index: 968, score: 0.012957851100385994 },
      ],
    },
  },

  recognise: ({ signature: { outputs }, isClassifier }) => {
    const named = textClasses(outputs);
    if (named !== undefined) return `"scores" and "${named.name}" are the outputs of a classifier`;
    const output = mainOutput(outputs);
    // Without a sign of scores it may be an embedding, of which classes would make no sense.
    return isClassifier && output?.shape?.length === 2
      ? `the image model answers ${nameAndShape(output)}`
      : undefined;
  },
  resolve: ({ signature, labels }, config, notes) => {
    const { output: settings = {} } = config as z.infer<typeof configSchema>;
    const where = 'model.json.output.name';
    const named = settings.name === undefined ? textClasses(signature.outputs) : undefined;
    const wanted = settings.name ?? (named === undefined ? undefined : 'scores');
    const output = chooseOutput(wanted, signature.outputs, where, notes);
    if (output === undefined) return undefined;
    const texts = settings.classes ?? named?.name;
    const textOutput = signature.outputs.find(({ name }) => name === texts);
    if (texts !== undefined && textOutput?.dtype !== 'string') {
      notes.problem(
        `model.json.output.classes: there is no output "${texts}" of type DT_STRING; the signature has ${describeTensors(signature.outputs)}`,
      );
    }
    const classes = output.shape?.at(-1) ?? -1;
    if (labels !== undefined && classes > 0 && labels.length !== classes) {
      notes.problem(
        `model.json.output.labels: ${labels.length} labels, and output "${output.name}" has ${classes} classes`,
      );
    }
    if (settings.activation === undefined) {
      notes.assumption('output.activation: none, the scores are answered as the model gives them');
    }
    return {
      name: output.name,
      classes: texts,
      activation: settings.activation ?? 'none',
      topK: settings.topK ?? DEFAULT_TOP,
    };
  },
  outputs: ({ name, classes }) => (classes === undefined ? [name] : [name, classes]),
  textOutputs: ({ classes }) => (classes === undefined ? [] : [classes]),
  postprocess: ({ classes, activation, topK }) =>
    classes === undefined ? { kind: 'classes', activation, k: topK } : undefined,

  answering: (model, { top }) => {
    const { settings, labels, rewritten } = model;
    const topK = top ?? settings.topK;
    if (settings.classes !== undefined) {
      return {
        run: wholeRun(model, [settings.name, settings.classes]),
        postprocess: ({ outputs: [scores, texts] }) => {
          const options = {
            activation: settings.activation,
            labels: textsOf(required(texts)),
            topK,
          };
          return Promise.resolve({ data: { predictions: classify(required(scores), options) } });
        },
      };
    }
    // For more than the graph ranks, the model is run as tensors run it: TensorFlow keeps a copy of the
    // weights for every set of inputs and outputs that it meets.
    const beyond = topK > (rewritten?.top?.k ?? Infinity);
    const whole = wholeRun(beyond ? { own: model.own, rewritten: undefined } : model, [
      settings.name,
    ]);
    const ranking = beyond ? undefined : rewritten?.top;
    const predictionsOf = (outputs: Parameters<typeof classify>[0][]): Prediction[] => {
      const [scores, indices] = outputs;
      return ranking !== undefined && indices !== undefined
        ? rankedPredictions(required(scores), indices, { labels, topK })
        : classify(required(scores), { activation: settings.activation, labels, topK });
    };
    return {
      run: ranking === undefined ? whole : { ...whole, outputs: ranking.outputs },
      postprocess: ({ outputs }) =>
        Promise.resolve({ data: { predictions: predictionsOf([...outputs]) } }),
    };
  },
});

/** The labels beside scores, as the classification signatures of TensorFlow Serving have them. */
function textClasses(outputs: readonly TensorSpec[]): TensorSpec | undefined {
  const scores = outputs.find(({ name }) => name === 'scores');
  const classes = outputs.find(({ name }) => name === 'classes');
  return scores?.shape?.length === 2 && classes?.dtype === 'string' ? classes : undefined;
}

/** One label for each score, in their order. */
function textsOf({ data }: Tensor): string[] {
  return isByteStrings(data)
    ? [...eachByteString(data)].map((bytes) => new TextDecoder().decode(bytes))
    : [];
}
