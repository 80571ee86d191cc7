import { Command } from 'commander';

import { wholeNumber } from '../whole-number';

export interface ImportOptions {
  /** model.json of TensorFlow.js, a script that exports it, or the folder of either. */
  readonly from: string;
  readonly model: string;
  /** Number that the version gets. */
  readonly version?: number;
  readonly overwrite?: true;
  readonly modelRepository?: string;
  readonly labels?: string;
  readonly dryRun?: true;
}

const EXAMPLES = `
Examples:
  # A graph or layers model becomes the model "flowers"
  tfjs-serving import --from web_model/model.json --model flowers --labels labels.txt

  # Whether it could be imported
  tfjs-serving import --from web_model --model flowers --dry-run`;

export function importCommand(act: (options: ImportOptions) => Promise<void>): Command {
  return new Command('tfjs-serving import')
    .description(
      'Makes a SavedModel of a TensorFlow.js model (graph or layers), compares the two on random inputs and keeps it as a version of a model',
    )
    .requiredOption('--from <path>', 'the model.json of TensorFlow.js, or its folder')
    .requiredOption('--model <name>', 'the model that it becomes')
    .option('--version <number>', 'version that it becomes; default the next free one', wholeNumber)
    .option('--overwrite', 'replace that version where there is one')
    .option('--model-repository <folder>', 'model repository; default as for tfjs-serving serve')
    .option('--labels <file>', 'labels, one a line, for a model that has no model.json yet')
    .option('--dry-run', 'compare, and write nothing')
    .addHelpText('after', EXAMPLES)
    .action(act);
}
