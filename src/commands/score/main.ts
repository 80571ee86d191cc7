/** `tfjs-serving score`, and `report` and `merge` for what it wrote. */
import { CommanderError } from 'commander';

import { CliError, EXIT_CODES, type ExitReason } from '../exit-codes';
import { DEFAULT_IMAGING_CONCURRENCY } from '../../config/schema';
import { messageOf } from '../../kernel/errors';
import { packageVersion } from '../../process/package-version';
import { prepareProcess } from '../../process/prepare-process';

/** Commands of `tfjs-serving` of their own. */
const STANDALONE = ['report', 'merge'];

const MERGE_EXAMPLES = `
Examples:
  # The rows of four shards in one file
  tfjs-serving merge scores.jsonl scores-0.jsonl scores-1.jsonl scores-2.jsonl scores-3.jsonl

  # The same, in another format
  tfjs-serving merge scores.parquet scores-?.jsonl --overwrite`;

async function main(): Promise<ExitReason> {
  await prepareProcess({ imagingConcurrency: DEFAULT_IMAGING_CONCURRENCY });
  // Not before: sharp starts the pool of threads when it is loaded.
  const { mergeOutputs } = await import('./merge.js');
  const { addReportCommand } = await import('./report/options.js');
  const { score } = await import('./score.js');
  const { scoreCommand } = await import('./score-options.js');
  const { startInference } = await import('../../compose.js');
  let reason: ExitReason = 'done';
  const program = scoreCommand(async (options) => {
    reason = await score(options, startInference);
  })
    .name(STANDALONE.includes(process.argv[2] ?? '') ? 'tfjs-serving' : 'tfjs-serving score')
    .version(packageVersion())
    // Options after a command are the command's own, also where both have one of that name.
    .enablePositionalOptions()
    .showHelpAfterError('(--help shows the options)');
  program
    .command('merge')
    .description('Joins the outputs of shards; fails when a row is missing or double')
    .argument('<output>', 'file to write: .jsonl, .csv or .parquet')
    .argument('<parts...>', 'outputs of all shards')
    .option('--overwrite', 'replace an output that is there', false)
    .addHelpText('after', MERGE_EXAMPLES)
    .action(async (output: string, parts: string[], { overwrite }: { overwrite: boolean }) => {
      const rows = await mergeOutputs(output, parts, overwrite);
      process.stderr.write(`${output}: ${rows} rows\n`);
    });
  addReportCommand(program, (ended) => {
    reason = ended;
  });
  for (const command of [program, ...program.commands]) command.exitOverride();
  await program.parseAsync();
  return reason;
}

main()
  .then((reason) => {
    process.exitCode = EXIT_CODES[reason];
  })
  .catch((error: unknown) => {
    if (error instanceof CommanderError) {
      // Help and version are no errors; commander has written what there is to say.
      process.exitCode = error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
      return;
    }
    const cause =
      error instanceof CliError || !(error instanceof Error) ? '' : `\n${error.stack ?? ''}`;
    console.error(`${messageOf(error)}${causeOf(error)}${cause}`);
    process.exitCode = EXIT_CODES[error instanceof CliError ? error.reason : 'unexpected'];
  });

function causeOf(error: unknown): string {
  if (!(error instanceof Error) || error.cause === undefined) return '';
  const cause = messageOf(error.cause);
  return messageOf(error).includes(cause) ? '' : `: ${cause}`;
}
