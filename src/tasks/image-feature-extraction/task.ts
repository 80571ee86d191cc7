import { z } from 'zod';

import { ServingError } from '../../kernel/errors';
import { isByteStrings, numbersOf, type Tensor } from '../../kernel/tensor';
import { flag } from '../../kernel/whole-number';
import { required } from '../nothing-answered';
import { chooseOutput } from '../output-names';
import { wholeRun } from '../run-way';
import { defineTask } from '../task';
import { embeddingRow } from './row';

const configSchema = z
  .strictObject({
    output: z
      .strictObject({
        name: z.string().min(1).describe('Output of the signature that holds the vector'),
      })
      .partial(),
    normalize: z
      .boolean()
      .describe('Answer vectors of unit length unless a request says otherwise; default false'),
  })
  .partial();

export interface EmbeddingSettings {
  readonly name: string;
  readonly normalize: boolean;
}

const parameters = z.object({
  normalize: flag()
    .optional()
    .meta({ description: 'Answer vectors of unit length; default: `normalize` of model.json' }),
  encoding: z
    .enum(['float', 'base64'])
    .optional()
    .meta({ description: 'A list of numbers, or base64 of float32 in little-endian order' }),
});

/** Names that exporters give a vector: TF-Hub, Keras, sentence and image encoders. */
const VECTOR_NAMES = /^(embeddings?|feature_vectors?|features|image_embeds?)$/i;

/** A vector for a picture, so that pictures can be compared. */
export const imageFeatureExtraction = defineTask<EmbeddingSettings, z.infer<typeof parameters>>({
  name: 'image-feature-extraction',
  verb: 'embed',
  summary: 'Vectors for images',
  pictures: 'never',
  view: 'embedding',
  config: configSchema,
  parameters,
  defaults: ({ normalize }) => ({ normalize }),
  result: z
    .object({
      embedding: z
        .union([z.array(z.number()), z.string()])
        .describe('Numbers, or base64 of float32 in little-endian order'),
    })
    .meta({ id: 'EmbeddedImage' }),

  row: embeddingRow,

  example: { model: 'my-encoder', data: { embedding: [0.0132, -0.0871, 0.2204] } },

  recognise: ({ signature: { outputs }, labels }) => {
    const vector = outputs.find(
      ({ name, shape }) => VECTOR_NAMES.test(name) && shape?.length === 2,
    );
    return vector !== undefined && labels === undefined
      ? `its output is called "${vector.name}"`
      : undefined;
  },
  resolve: ({ signature }, config, notes) => {
    const { output: settings = {}, normalize } = config as z.infer<typeof configSchema>;
    const named = signature.outputs.find(({ name }) => VECTOR_NAMES.test(name));
    const where = 'model.json.output.name';
    const wanted = settings.name ?? named?.name;
    const output = chooseOutput(wanted, signature.outputs, where, notes);
    return output && { name: output.name, normalize: normalize ?? false };
  },
  outputs: ({ name }) => [name],

  answering: (model, { normalize = model.settings.normalize, encoding = 'float' }) => ({
    run: wholeRun(model, [model.settings.name]),
    postprocess: ({ outputs: [output] }) => {
      const vector = vectorOf(required(output), normalize);
      const embedding =
        encoding === 'base64'
          ? Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
          : [...vector];
      return Promise.resolve({ data: { embedding } });
    },
  }),
});

/**
 * The numbers of one row, whatever its shape.
 * @throws ServingError INFERENCE_FAILED for anything but finite numbers, and for a vector of zeros that
 *   is to have unit length
 */
function vectorOf(output: Tensor, normalize: boolean): Float32Array {
  if (isByteStrings(output.data)) {
    const { name, dtype } = output;
    throw new ServingError('INFERENCE_FAILED', `The model answered "${name}" of type ${dtype}`);
  }
  const vector = Float32Array.from(numbersOf(output) as ArrayLike<number>, Number);
  if (!vector.every(Number.isFinite)) {
    throw new ServingError('INFERENCE_FAILED', 'The model answered a vector that is not finite');
  }
  if (!normalize) return vector;
  const length = Math.hypot(...chunkLengths(vector));
  if (length === 0) {
    throw new ServingError('INFERENCE_FAILED', 'The model answered zeros, which have no direction');
  }
  return vector.map((value) => value / length);
}

/** Lengths of parts, as a call takes only so many arguments. */
function chunkLengths(vector: Float32Array): number[] {
  const lengths: number[] = [];
  for (let from = 0; from < vector.length; from += 1024) {
    lengths.push(Math.hypot(...vector.subarray(from, from + 1024)));
  }
  return lengths;
}
