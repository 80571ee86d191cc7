import { InvalidArgumentError, type Command } from 'commander';

import { reportRun } from './report-run';
import { DEFAULT_INLINE_LIMIT, DEFAULT_LIST_LIMIT } from './write-report';
import type { ExitReason } from '../../exit-codes';

interface Flags {
  readonly out: string;
  readonly labels?: string;
  readonly images?: string;
  readonly outDir?: string;
  readonly list: number;
  readonly inline: number;
}

const MIB = 1024 * 1024;

const EXAMPLES = `
Examples:
  # A page to look at what was scored
  tfjs-serving report scores.jsonl --out report.html

  # With accuracy, from a list of the true classes
  tfjs-serving report scores.jsonl --out report.html --labels labels.csv`;

/** Adds `report RESULTS`, which makes the page from a result file, to the scorer's program. */
export function addReportCommand(program: Command, ended: (reason: ExitReason) => void): void {
  program
    .command('report')
    .description('Writes a page to look at the rows of a result file')
    .argument('<results>', 'rows: .jsonl, .csv or .parquet')
    .requiredOption('--out <file>', 'the page to write')
    .option('--labels <file>', 'true classes: CSV with file and class_index or label')
    .option('--images <folder>', 'where the images lie now, instead of the root of each row')
    .option('--out-dir <folder>', 'where the generated pictures lie')
    .option('--list <n>', 'most images on the page', wholeNumber, DEFAULT_LIST_LIMIT)
    .option(
      '--inline <MiB>',
      'thumbnails in the page itself up to this size, above it in a folder beside it',
      wholeNumber,
      DEFAULT_INLINE_LIMIT / MIB,
    )
    .addHelpText('after', EXAMPLES)
    .action(async (results: string, flags: Flags) => {
      const reason = await reportRun({
        results,
        target: flags.out,
        labelsFile: flags.labels,
        imagesRoot: flags.images,
        outDir: flags.outDir,
        listLimit: flags.list,
        inlineLimit: flags.inline * MIB,
        say: (text) => process.stderr.write(`${text}\n`),
      });
      ended(reason);
    });
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 0.');
}
