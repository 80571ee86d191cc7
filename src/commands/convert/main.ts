/** `npm run convert`: a version of a model in a reduced precision, with a report of what it costs. */
import { CommanderError } from 'commander';

import { CliError, EXIT_CODES } from '../exit-codes';
import { messageOf } from '../../kernel/errors';
import { convertCommand } from './command';
import { convertModel } from './convert';

const STOPPED_BY = { SIGINT: 'interrupted', SIGTERM: 'terminated' } as const;

async function main(): Promise<void> {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Not once: npm passes on what the terminal has sent already, and that would end it half-way.
    process.on(signal, () => {
      controller.abort(new CliError(STOPPED_BY[signal], 'stopped; nothing was written'));
    });
  }
  const output = {
    print: (line: string): void => {
      console.log(line);
    },
    warn: (line: string): void => {
      console.error(line);
    },
  };
  const { signal } = controller;
  await convertCommand(async (options) => {
    try {
      await convertModel(options, output, signal);
    } catch (thrown) {
      // What was under way fails in its own way when it is stopped.
      throw signal.aborted ? signal.reason : thrown;
    }
  })
    .exitOverride()
    .parseAsync();
}

main().catch((error: unknown) => {
  if (error instanceof CommanderError) {
    // Commander has written what there is to say; help is not an error.
    process.exitCode = error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
    return;
  }
  console.error(messageOf(error));
  process.exitCode = EXIT_CODES[error instanceof CliError ? error.reason : 'unexpected'];
});
