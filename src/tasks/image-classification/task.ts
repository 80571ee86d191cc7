import { z } from 'zod';

import { wholeNumber } from '../../kernel/whole-number';
import { classify, rankedPredictions, type Prediction } from '../../outputs/classification';
import { required } from '../nothing-answered';
import { chooseOutput, mainOutput, nameAndShape } from '../output-names';
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
  config: configSchema,
  parameters,
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
    const output = mainOutput(outputs);
    // Without a sign of scores it may be an embedding, of which classes would make no sense.
    return isClassifier && output?.shape?.length === 2
      ? `the image model answers ${nameAndShape(output)}`
      : undefined;
  },
  resolve: ({ signature, labels }, config, notes) => {
    const { output: settings = {} } = config as z.infer<typeof configSchema>;
    const where = 'model.json.output.name';
    const output = chooseOutput(settings.name, signature.outputs, where, notes);
    if (output === undefined) return undefined;
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
      activation: settings.activation ?? 'none',
      topK: settings.topK ?? DEFAULT_TOP,
    };
  },
  outputs: ({ name }) => [name],
  postprocess: ({ activation, topK }) => ({ kind: 'classes', activation, k: topK }),

  answering: (model, { top }) => {
    const { settings, labels, rewritten } = model;
    const topK = top ?? settings.topK;
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
