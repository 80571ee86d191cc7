import { z } from 'zod';

import { ServingError } from '../../kernel/errors';
import { byteStringAt } from '../../kernel/byte-strings';
import { isByteStrings, type Tensor } from '../../kernel/tensor';
import { required } from '../nothing-answered';
import { describeTensors, nameAndShape } from '../output-names';
import { wholeRun } from '../run-way';
import { defineTask, type ModelFacts } from '../task';

const configSchema = z
  .strictObject({
    output: z
      .strictObject({
        name: z.string().min(1).describe('Output of the signature that holds the text'),
      })
      .partial(),
  })
  .partial();

interface TextSettings {
  readonly name: string;
}

/** A text for a text; the graph itself goes on word by word. */
export const textGeneration = defineTask<TextSettings, Record<string, never>>({
  name: 'text-generation',
  verb: 'generate',
  summary: 'Texts from parameters',
  upload: 'none',
  pictures: 'never',
  view: 'text',
  config: configSchema,
  parameters: z.object({}),
  result: z.object({ text: z.string() }).meta({ id: 'MadeText' }),

  row: undefined,

  example: { model: 'writer', data: { text: 'Once upon a time', seed: 7 } },

  recognise: ({ inputs, signature: { outputs } }) => {
    const output = outputs.find(({ dtype }) => dtype === 'string');
    return output !== undefined && takesText(inputs)
      ? `the model takes a text and answers ${nameAndShape(output)}`
      : undefined;
  },
  resolve: ({ inputs, signature: { outputs } }, config, notes) => {
    const { output: { name } = {} } = config as z.infer<typeof configSchema>;
    if (!takesText(inputs)) {
      notes.problem(
        'the task text-generation needs an input of the kind text in model.json.inputs',
      );
      return undefined;
    }
    const found = outputs.find((output) =>
      name === undefined ? output.dtype === 'string' : output.name === name,
    );
    if (found?.dtype === 'string') return { name: found.name };
    notes.problem(
      name === undefined || found !== undefined
        ? `the task text-generation needs an output of type DT_STRING; the signature has ${describeTensors(outputs)}`
        : `model.json.output.name: there is no tensor "${name}"; the signature has ${describeTensors(outputs)}`,
    );
    return undefined;
  },
  outputs: ({ name }) => [name],
  textOutputs: ({ name }) => [name],

  answering: (model) => ({
    run: wholeRun(model, [model.settings.name]),
    postprocess: ({ outputs: [output] }) =>
      Promise.resolve({ data: { text: textOf(required(output)) } }),
  }),
});

function takesText(inputs: ModelFacts['inputs']): boolean {
  return inputs?.more.some(({ kind }) => kind === 'text') === true;
}

/** What is not UTF-8 becomes a replacement character. */
function textOf({ name, dtype, data }: Tensor): string {
  if (isByteStrings(data) && data.length === 1) {
    return new TextDecoder().decode(byteStringAt(data, 0));
  }
  throw new ServingError(
    'INFERENCE_FAILED',
    isByteStrings(data)
      ? `The model answered ${data.length} texts in "${name}" instead of one`
      : `The model answered "${name}" of type ${dtype}`,
  );
}
