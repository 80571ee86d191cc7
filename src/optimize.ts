/** `npm run optimize`: a version of a model in a reduced precision, with a report of what it costs. */
import { CommanderError } from 'commander';

import { CliError, EXIT_CODES } from './cli/exit-codes';
import { messageOf } from './errors';
import { optimizeCommand } from './optimize/command';
import { optimize } from './optimize/optimize';

const STOPPED_BY = { SIGINT: 'interrupted', SIGTERM: 'terminated' } as const;

async function main(): Promise<void> {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
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
  await optimizeCommand(async (options) => {
    try {
      await optimize(options, output, signal);
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
    // Commander has written what there is to say; help is no error.
    process.exitCode = error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
    return;
  }
  console.error(messageOf(error));
  process.exitCode = EXIT_CODES[error instanceof CliError ? error.reason : 'unexpected'];
});
