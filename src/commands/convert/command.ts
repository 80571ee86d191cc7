import { Command, InvalidArgumentError, Option } from 'commander';

import { wholeNumber } from '../whole-number';
import { PRECISIONS, type Precision } from './precision/precision';

export interface ConvertOptions {
  readonly model: string;
  readonly precision: Precision;
  readonly images?: string;
  readonly limit?: number;
  readonly modelRepository?: string;
  /** Version to convert. */
  readonly version?: number;
  readonly rounds: number;
  readonly maxAccuracyLoss?: number;
  readonly dryRun?: true;
}

const EXAMPLES = `
Examples:
  # Weights and arithmetic in bfloat16, compared on photos of your own
  tfjs-serving convert --model efficientnet-lite0 --precision bf16 --images photos

  # What int8 weights would gain and change; nothing is written
  tfjs-serving convert --model efficientnet-lite0 --precision int8-weights --dry-run`;

export function convertCommand(act: (options: ConvertOptions) => Promise<void>): Command {
  return new Command('tfjs-serving convert')
    .description(
      'Converts a version of a model to a reduced precision, compares the two and keeps the result as a new version',
    )
    .requiredOption('--model <name>', 'the model')
    .addOption(
      new Option(
        '--precision <type>',
        'fp16 and bf16: weights and arithmetic in 16 bits; int8: arithmetic in 8 bits, which needs --images; int8-weights: weights alone in 8 bits',
      )
        .choices([...PRECISIONS])
        .makeOptionMandatory(),
    )
    .option(
      '--images <folder>',
      'images to compare on, and for int8 to calibrate on; default: random inputs',
    )
    .option('--limit <number>', 'most images of the folder to use', wholeNumber)
    .option('--model-repository <folder>', 'model repository; default as for tfjs-serving serve')
    .option('--version <number>', 'version to convert; default the newest', wholeNumber)
    .option('--rounds <number>', 'runs that are timed, of each of the two', wholeNumber, 15)
    .option(
      '--max-accuracy-loss <number>',
      'int8: most that may be lost; classes: mean distance of the best score or share of images with another best class, one image aside, default 0.01; pictures: dB, default 0.3; others: mean relative difference, default 0.05',
      nonNegative,
    )
    .option('--dry-run', 'compare, and write nothing')
    .addHelpText('after', EXAMPLES)
    .action(act);
}

function nonNegative(text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (value >= 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a number from 0 on, such as 0.03.');
}
